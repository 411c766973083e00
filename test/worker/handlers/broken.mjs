throw new SyntaxError('this module is broken')

/** The bars there are, in the order of the table; each is the file of that name. */
export const BARS = ['p1', 'p1b', 'p1c', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8', 'p9', 'p10', 'request'] as const

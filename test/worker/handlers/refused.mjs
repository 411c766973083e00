export default async (_delivery, bus) => {
  const error = await bus
    .queue('done')
    .send(1)
    .catch((error) => error)
  return error?.code === 'ACCESS_REFUSED' ? 'reject' : undefined
}

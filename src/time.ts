/** Bounds of times. */

/** Ten years in ms: the longest time that RabbitMQ takes (QA-04, QA-05), and the longest delay. */
export const TEN_YEARS = 315_360_000_000

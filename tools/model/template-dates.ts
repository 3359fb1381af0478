// Dates that chat templates write into prompts by themselves. Such a prompt begins otherwise the next day.

/**
 * Finds today's date in a prompt.
 *
 * @param given a text in which a date may stand: it is then not the template's
 */
export function findDate(prompt: string, given = ''): string | undefined {
  return toDates(new Date()).find((date) => prompt.includes(date) && !given.includes(date));
}

/** A date in the forms that chat templates write. Their months are English whatever the system's language is. */
function toDates(date: Date): string[] {
  const format = (options: Intl.DateTimeFormatOptions) =>
    Object.fromEntries(
      new Intl.DateTimeFormat('en-US', options).formatToParts(date).map(({ type, value }) => [type, value]),
    );
  const { day, month, year } = format({ day: '2-digit', month: 'short', year: 'numeric' });
  const { month: longMonth } = format({ month: 'long' });
  const { month: number } = format({ month: '2-digit', day: '2-digit' });
  return [
    `${day} ${month} ${year}`,
    `${month} ${day} ${year}`,
    `${longMonth} ${day}, ${year}`,
    `${longMonth} ${Number(day)}, ${year}`,
    `${day} ${longMonth} ${year}`,
    `${year}-${number}-${day}`,
  ];
}

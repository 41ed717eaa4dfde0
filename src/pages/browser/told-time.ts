const ZONE = { timeZone: 'Asia/Tokyo' } as const;

/** A calendar day of Japan; for Japanese with its era, as forms write it. */
export function tellDay(day: string, tag: string): string {
  const at = new Date(`${day}T00:00:00+09:00`);
  const plain = new Intl.DateTimeFormat(tag, { ...ZONE, dateStyle: 'long' }).format(at);
  if (tag !== 'ja') return plain;
  const era = new Intl.DateTimeFormat('ja-JP-u-ca-japanese', {
    ...ZONE,
    era: 'long',
    year: 'numeric',
    month: 'long',
    day: 'numeric',
  }).format(at);
  return `${era}（${plain}）`;
}

/** The day of an instant, as it is in Japan. */
export function tellDayOf(instant: string, tag: string): string {
  return tellDay(new Intl.DateTimeFormat('sv', ZONE).format(new Date(instant)), tag);
}

export function tellTime(instant: string, tag: string): string {
  const time = { ...ZONE, dateStyle: 'long', timeStyle: 'short' } as const;
  return new Intl.DateTimeFormat(tag, time).format(new Date(instant));
}

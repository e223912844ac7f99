/** The same but for these members. */
export function without<Whole extends object, Member extends keyof Whole>(
  whole: Whole,
  ...members: readonly Member[]
): Omit<Whole, Member> {
  const left = Object.entries(whole).filter(([name]) => !(members as readonly string[]).includes(name));
  return Object.fromEntries(left) as Omit<Whole, Member>;
}

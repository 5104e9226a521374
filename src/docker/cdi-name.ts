/** Names of devices by the Container Device Interface: `VENDOR/CLASS=NAME`. Pure. */
const pattern = /^[A-Za-z0-9][A-Za-z0-9_.-]*\/[A-Za-z0-9][A-Za-z0-9_.-]*=[A-Za-z0-9][A-Za-z0-9_.:-]*$/;

export function isCdiName(word: string): boolean {
  return pattern.test(word);
}

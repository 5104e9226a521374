declare module "*/tiffin-executor" {
  /** Path of the embedded file. */
  const path: string;
  export default path;
}

/** The options of a container's log (`--log-opt`): every key is done, warned of, or refused at create. Pure. */

import { regularExpression } from "../../../docker/regular-expression.ts";
import type { LogConfig } from "../../../docker/types/host-config.ts";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import { own as lookUp } from "../../../lib/own.ts";
import { deliveryDrivers, deliveryOf, deliveryOptionNames } from "../../log/mod.ts";
import { checkTag, type LogDetails, type LogSpecification } from "../specification/mod.ts";
import { decodeLogLimits } from "./log-limits.ts";

export const defaultLogDriver = "json-file";

/** What inspect shows of a log whose limits nobody chose. */
export const defaultLogOptions = { "max-file": "5", "max-size": "20m" } as const;

type Options = Readonly<Record<string, string>>;

function refuse(text: string): never {
  throw new TiffinError("invalid", "container.log-option", text);
}

function checkPattern(value: string, key: string): void {
  try {
    regularExpression(value);
  } catch (thrown) {
    refuse(
      `invalid log option ${key}: ${JSON.stringify(value)} is no regular expression: ${messageOf(thrown)}`,
    );
  }
}

const truths: ReadonlySet<string> = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const falsehoods: ReadonlySet<string> = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/** Checks a value; the result is a warning of what is not done. */
type Check = (value: string, options: Options, key: string) => string | undefined;

/** Its value is looked at where it is used, by `decodeLogLimits` and `logDetails`. */
const free: Check = () => undefined;

const sizes: Readonly<Record<string, Check>> = {
  "max-size": free,
  "max-file": free,
  compress(value) {
    if (falsehoods.has(value)) return undefined;
    if (!truths.has(value))
      refuse(`invalid log option compress: found ${JSON.stringify(value)}, wanted a boolean`);
    return "Log option compress is discarded: the files of a log are not compressed, max-size counts the output in them.";
  },
  mode(value) {
    if (value === "" || value === "blocking") return undefined;
    if (value !== "non-blocking") refuse(`logger: logging mode not supported: ${value}`);
    return "Log option mode=non-blocking is discarded: output is written to the local disk at once, there is no queue.";
  },
  "max-buffer-size"(value, options) {
    if (options["mode"] !== "non-blocking") {
      refuse("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
    }
    if (!/^[0-9]{1,15}([bkmg]b?)?$/i.test(value)) {
      refuse(`invalid log option max-buffer-size: found ${JSON.stringify(value)}, wanted a size like 4m`);
    }
    return undefined;
  },
};

const details: Readonly<Record<string, Check>> = {
  labels: free,
  env: free,
  "labels-regex": (value, _, key) => void checkPattern(value, key),
  "env-regex": (value, _, key) => void checkPattern(value, key),
  tag: (value) => void checkTag(value),
};

/** What is delivered never holds the container up, so both modes are the same; the files are what is in between. */
const ofDelivery: Readonly<Record<string, Check>> = {
  mode(value) {
    if (!["", "blocking", "non-blocking"].includes(value))
      refuse(`logger: logging mode not supported: ${value}`);
    return undefined;
  },
  "max-buffer-size": (value, options, key) => sizes["max-buffer-size"]?.(value, options, key),
  "cache-disabled"(value) {
    if (!truths.has(value) && !falsehoods.has(value)) {
      refuse(`invalid log option cache-disabled: found ${JSON.stringify(value)}, wanted a boolean`);
    }
    return undefined;
  },
  "cache-max-size": free,
  "cache-max-file": free,
  "cache-compress": (value, options, key) => sizes["compress"]?.(value, options, key),
};

function deliveredBy(driver: (typeof deliveryDrivers)[number]): Readonly<Record<string, Check>> {
  const own = deliveryOptionNames(driver).map((name): [string, Check] => [
    name,
    lookUp(details, name) ?? free,
  ]);
  return { ...Object.fromEntries(own), ...ofDelivery };
}

const drivers: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  none: {},
  local: sizes,
  "json-file": {
    ...sizes,
    ...details,
  },
  ...Object.fromEntries(deliveryDrivers.map((driver) => [driver, deliveredBy(driver)])),
};

/** All that there are, in the order of the alphabet. */
export const logDrivers: readonly string[] = Object.keys(drivers).sort();

/** Refuses what cannot be done; warns of what will not be. Errors: `container.log-option`, `container.log-driver`. */
export function decodeLogConfig(config: LogConfig | undefined): {
  readonly log: LogSpecification;
  readonly warnings: readonly string[];
} {
  const driver = config?.Type || defaultLogDriver;
  const known = Object.hasOwn(drivers, driver) ? drivers[driver] : undefined;
  if (known === undefined) {
    const wanted = Object.keys(drivers).join(", ");
    throw new TiffinError(
      "invalid",
      "container.log-driver",
      `logger: no log driver named '${driver}' is registered (there are ${wanted})`,
    );
  }
  const options = config?.Config ?? {};
  const warnings: string[] = [];
  for (const [key, value] of Object.entries(options)) {
    const check = Object.hasOwn(known, key) ? known[key] : undefined;
    if (check === undefined) {
      const wanted = Object.keys(known).join(", ") || "it has no options";
      refuse(`unknown log opt '${key}' for ${driver} log driver (${wanted})`);
    }
    const warning = check(value, options, key);
    if (warning !== undefined) warnings.push(warning);
  }
  if (driver === "none") return { log: { kind: "none" }, warnings };
  const delivered = deliveryDrivers.find((name) => name === driver);
  if (delivered !== undefined) {
    deliveryOf(delivered, options);
    const { "cache-max-size": size, "cache-max-file": count } = options;
    const limits = {
      ...(size !== undefined && { "max-size": size }),
      ...(count !== undefined && { "max-file": count }),
    };
    const readable = !truths.has(options["cache-disabled"] ?? "");
    const delivery = { driver: delivered, options, readable };
    return {
      log: { kind: "files", ...decodeLogLimits(limits), details: detailsOf(options), delivery },
      warnings,
    };
  }
  return { log: { kind: "files", ...decodeLogLimits(options), details: detailsOf(options) }, warnings };
}

function detailsOf(options: Options): LogDetails {
  const listed = (key: string): string[] => (options[key] ?? "").split(",").filter((name) => name !== "");
  const { "labels-regex": labelsPattern, "env-regex": environmentPattern } = options;
  return {
    labels: listed("labels"),
    environment: listed("env"),
    ...(labelsPattern && { labelsPattern }),
    ...(environmentPattern && { environmentPattern }),
    tag: options["tag"] ?? "",
  };
}

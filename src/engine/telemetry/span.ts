/** What took from when to when, and a batch of it in OTLP's JSON. Pure. */

export interface Span {
  /** 32 and 16 hex digits. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** Milliseconds since 1970, with what is known of their fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string>>;
  /** Of one that failed. */
  readonly error?: string;
}

const internalKind = 1;
const errorCode = 2;
const nsPerMs = 1e6;

/** A number of this size has no exact nanoseconds; what is left is better than a microsecond. */
function unixNano(ms: number): string {
  const whole = Math.floor(ms);
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.floor((ms - whole) * nsPerMs)));
}

function attributeList(attributes: Readonly<Record<string, string>>): unknown[] {
  return Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}

/** The body of `POST /v1/traces`. */
export function otlpTraces(spans: readonly Span[], resource: Readonly<Record<string, string>>): unknown {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributeList(resource) },
        scopeSpans: [
          {
            scope: { name: "tiffin" },
            spans: spans.map(
              ({ traceId, spanId, parentSpanId, name, startMs, endMs, attributes, error }) => ({
                traceId,
                spanId,
                ...(parentSpanId !== undefined && { parentSpanId }),
                name,
                kind: internalKind,
                startTimeUnixNano: unixNano(startMs),
                endTimeUnixNano: unixNano(endMs),
                attributes: attributeList(attributes),
                ...(error !== undefined && { status: { code: errorCode, message: error } }),
              }),
            ),
          },
        ],
      },
    ],
  };
}

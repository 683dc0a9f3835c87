// Records each request: its method, and for a query whether its text, its digest or both were sent.
export const sent: string[] = [];

const real = globalThis.fetch;
globalThis.fetch = (where, options) => {
  const text = decodeURIComponent(`${where}${options?.body ?? ""}`);
  const parts = [options?.method, /query[ +](Openings|Overview)/.test(text) && "text", /sha256Hash/.test(text) && "digest"];
  sent.push(parts.filter(Boolean).join(" "));
  return real(where, options);
};

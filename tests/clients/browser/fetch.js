// As a page without any library would ask.
export async function query(url, token, query, variables) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  if (response.status === 429) throw new Error(`retry in ${response.headers.get("Retry-After")} s`);
  return response.json();
}

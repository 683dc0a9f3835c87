// As a user of urql would ask: queries by GET or POST, and subscriptions as server-sent events.
import { Client, fetchExchange } from "@urql/core";

const connect = (url, token) =>
  new Client({
    url,
    exchanges: [fetchExchange],
    fetchSubscriptions: true,
    fetchOptions: () => ({ headers: { authorization: `Bearer ${token}` } }),
  });

const plain = ({ data, error }) => {
  if (error?.networkError) throw error.networkError;
  return { data, errors: error?.graphQLErrors };
};

export const query = async (url, token, query, variables) => plain(await connect(url, token).query(query, variables));

export function subscribe(url, token, query, variables, next) {
  connect(url, token).subscription(query, variables).subscribe((result) => next(plain(result)));
}

// As a user of Apollo Client would ask.
import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from "@apollo/client";

const connect = (url, token) =>
  new ApolloClient({
    link: new HttpLink({ uri: url, headers: { authorization: `Bearer ${token}` } }),
    cache: new InMemoryCache(),
  });

export async function query(url, token, query, variables) {
  try {
    return { data: (await connect(url, token).query({ query: gql(query), variables })).data };
  } catch (error) {
    if (!CombinedGraphQLErrors.is(error)) throw error;
    return { errors: error.errors };
  }
}

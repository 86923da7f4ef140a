// What a page of a Relay app asks for. The compiler reads it; `relay.mjs` runs what the compiler makes of it.

import { graphql } from "relay-runtime";

export const query = graphql`
  query ordersQuery($user: ID!, $count: Int!) {
    ...ordersList @arguments(user: $user, count: $count)
  }
`;

export const list = graphql`
  fragment ordersList on Query
  @argumentDefinitions(user: { type: "ID!" }, count: { type: "Int!" }, cursor: { type: "String" })
  @refetchable(queryName: "ordersPageQuery") {
    orderConnection(userId: $user, first: $count, after: $cursor) @connection(key: "orders_orderConnection") {
      edges {
        node {
          id
          status
        }
      }
    }
  }
`;

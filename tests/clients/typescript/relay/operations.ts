// The operations of the application. The compiler turns them into __generated__/, which is what runs.
import { graphql } from "relay-runtime";

export const putEvents = graphql`
  mutation operationsPutEventsMutation($input: UpsertEventsInput!) {
    upsertEvents(input: $input) {
      created
    }
  }
`;

export const events = graphql`
  query operationsEventsQuery($input: EventsInput!, $after: String) {
    events(input: $input, first: 2, after: $after) @connection(key: "operations_events") {
      edges {
        node {
          eventId
          start
        }
      }
      pageInfo {
        endCursor
      }
    }
  }
`;

export const openings = graphql`
  query operationsOpeningsQuery($input: AvailabilityInput!) {
    calendars {
      calendarId
    }
    availability(input: $input) @catch {
      availableSlots {
        start
      }
    }
  }
`;

export const person = graphql`
  fragment operations_person on Account @refetchable(queryName: "operationsPersonRefetchQuery") {
    id
    accountId
    name
  }
`;

export const profile = graphql`
  query operationsProfileQuery($sub: ID!) {
    account(sub: $sub) {
      ...operations_person
    }
  }
`;

export const rename = graphql`
  mutation operationsRenameMutation($input: AccountInput!) {
    account(input: $input) {
      sub
    }
  }
`;

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

// All rules of graphql-eslint for schemas, including those of Relay. Each exception has its reason.
import graphql from "@graphql-eslint/eslint-plugin";

const schema = "schema/schema.graphql";

const exceptions = {
  // The order is by meaning: a start comes before its end.
  alphabetize: "off",
  // The rule is for APIs without mutations.
  "no-root-type": "off",
  // A result has everything that was changed. Reading more is a request of its own, with rights of its own.
  "require-field-of-type-query-in-mutation-result": "off",
  // `calendarId` and `eventUid` are the names in the Cronofy API, which our callers know.
  "no-typename-prefix": "off",
  "strict-id-in-types": [
    "error",
    {
      // Ids are named after their objects, as in that API.
      acceptedIdNames: ["availabilityRuleId", "availablePeriodId", "channelId", "eventUid", "feedId", "sourceId", "sub"],
      exceptions: {
        // Pages of other types, and results of mutations.
        suffixes: ["Connection", "Edge", "Payload"],
        types: [
          // They also have fields with the ids of other objects, which the rule takes for their own.
          ...["Booking", "Calendar", "LinkingProfile", "RealTimeScheduling"],
          // Values without an identity.
          ...["Answer", "Availability", "AvailableSequence", "AvailableStep", "AvailableTime", "BlockedTime", "Booked", "ElementToken"],
          ...["Explanation", "FreeBusy", "Location", "PageInfo", "Relaxation", "ScheduledEvent", "SequencedAvailability"],
          ...["BookedSequence", "CalendarNotKnown", "Metadatum", "SequenceTaken", "SlotTaken", "Visitor", "WeeklyPeriod"],
        ],
      },
    },
  ],
  // Pages are read forwards, soonest first.
  "relay-arguments": ["error", { includeBoth: false }],
  "relay-edge-types": [
    "error",
    {
      withEdgeSuffix: true,
      // Most ids are unique only within an account, so there is no lookup by a global id.
      shouldImplementNode: false,
      // Lists that cannot grow need no pages: participants, weekly periods, calendars.
      listTypeCanWrapOnlyEdgeType: false,
    },
  ],
};

export default [
  {
    files: [schema],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema } } },
    plugins: { "@graphql-eslint": graphql },
    rules: {
      ...graphql.configs["flat/schema-all"].rules,
      ...graphql.configs["flat/schema-relay"].rules,
      ...Object.fromEntries(Object.entries(exceptions).map(([name, value]) => [`@graphql-eslint/${name}`, value])),
    },
  },
];

// Every rule for schemas that graphql-eslint has, those of Relay as well. Whatever is not held to says why.
import graphql from "@graphql-eslint/eslint-plugin";

const schema = "schema/schema.graphql";

const exceptions = {
  // The order is by meaning: what is asked first stands first, and a start stands before its end.
  alphabetize: "off",
  // There are mutations; the rule is for APIs that have none.
  "no-root-type": "off",
  // An answer tells all that was changed. To look at more is a request of its own, with rights of its own.
  "require-field-of-type-query-in-mutation-result": "off",
  // `calendarId` and `eventUid` are the words of the API whose callers should feel at home here.
  "no-typename-prefix": "off",
  "strict-id-in-types": [
    "error",
    {
      // Ids are named after what they are of, as in that API.
      acceptedIdNames: ["availabilityRuleId", "availablePeriodId", "eventUid", "sub"],
      exceptions: {
        // Pages of others, and what was done to others.
        suffixes: ["Connection", "Edge", "Payload"],
        types: [
          // Their ids have the names by which others refer to them, which the rule cannot tell apart.
          ...["Calendar", "LinkingProfile", "RealTimeScheduling"],
          // Values, which are no more than what they hold.
          ...["Availability", "AvailableTime", "Booked", "FreeBusy", "Location", "PageInfo", "ScheduledEvent", "SlotTaken", "WeeklyPeriod"],
        ],
      },
    },
  ],
  // Pages are read forwards: soonest first is the order in which somebody looks for time.
  "relay-arguments": ["error", { includeBoth: false }],
  "relay-edge-types": [
    "error",
    {
      withEdgeSuffix: true,
      // Most are known by an id that is unique within an account only, so that nothing is found by a global id.
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

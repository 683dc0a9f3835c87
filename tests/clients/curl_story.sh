#!/bin/sh
# The story of an application calendar, told with curl: `curl_story.sh URL CLIENT_ID CLIENT_SECRET`.
# It prints the status of every request, in order.
set -eu
url=$1 client_id=$2 client_secret=$3

# The value of a field of the response before.
field() { printf '%s' "$answer" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

# Sends a request, prints its status, and keeps the response: `ask METHOD PATH [curl's own options]`.
ask() {
  method=$1 path=$2
  shift 2
  answer=$(curl --silent --request "$method" --write-out '\n%{http_code}' "$@" "$url$path")
  echo "$method ${path%%\?*} ${answer##*
}"
  answer=${answer%
*}
}

json="Content-Type: application/json; charset=utf-8"

ask POST /v1/application_calendars --header "$json" --data "{
  \"client_id\": \"$client_id\",
  \"client_secret\": \"$client_secret\",
  \"application_calendar_id\": \"a-unique-string\"
}"
access_token=$(field access_token) refresh_token=$(field refresh_token) sub=$(field sub)
bearer="Authorization: Bearer $access_token"

ask GET /v1/calendars --header "$bearer"
calendar_id=$(field calendar_id)

ask POST "/v1/calendars/$calendar_id/events" --header "$bearer" --header "$json" --data '{
  "event_id": "unique-event-id",
  "summary": "Board meeting",
  "start": "2033-05-02T10:00:00Z",
  "end": "2033-05-02T11:00:00Z"
}'

ask POST /v1/availability --header "Authorization: Bearer $client_secret" --header "$json" --data "{
  \"participants\": [{\"members\": [{\"sub\": \"$sub\"}], \"required\": \"all\"}],
  \"required_duration\": {\"minutes\": 60},
  \"query_periods\": [{\"start\": \"2033-05-02T10:00:00Z\", \"end\": \"2033-05-02T12:00:00Z\"}]
}"
echo "free from $(field start)"

ask POST /v1/element_tokens --header "Authorization: Bearer $client_secret" --header "$json" --data "{
  \"version\": \"1\",
  \"permissions\": [\"agenda\"],
  \"subs\": [\"$sub\"],
  \"origin\": \"http://localhost\"
}"
element_token=$(field token)
ask GET "/v1/events?et=$element_token&tzid=Etc/UTC&include_managed=true" \
  --header "Cronofy-Element: v1.67.7, agenda" --header "Origin: http://localhost"

ask POST /oauth/token --data "client_id=$client_id" --data "client_secret=$client_secret" \
  --data grant_type=refresh_token --data "refresh_token=$refresh_token"
ask POST /oauth/token/revoke --data "client_id=$client_id" --data "client_secret=$client_secret" \
  --data "token=$refresh_token"
ask GET /v1/userinfo --header "$bearer"

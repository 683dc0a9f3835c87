// A UI Element in the page, and what it has said to its callback.
/* global CronofyElements */

const notifications = [];

function show(name, url, token, options) {
  const element = CronofyElements[name];
  element({
    target_id: "element",
    element_token: token,
    api_domain: url,
    app_domain: url,
    tzid: "Etc/UTC",
    callback: (said) => notifications.push(said.notification),
    ...options,
  });
}

window.notifications = notifications;
window.show = show;

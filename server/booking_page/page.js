// What JavaScript adds to a page that works without it: the visitor's own zone, zones that change without a button, and
// forms that are sent once.
"use strict";

(() => {
  // --- the visitor's zone ------------------------------------------------------------------------------------------

  // Before anything is shown: nobody is to see times that change a moment later. Who has a zone in the address chose it.
  const shown = document.currentScript.dataset.zone;
  const here = new URL(location.href);
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (shown && own && own !== shown && !here.searchParams.has("tz")) {
    here.searchParams.set("tz", own);
    location.replace(here);
  }

  // Arrow keys change a closed list at every press: whoever goes by keys says with the button when it is right.
  function change(zones) {
    const button = zones.form.querySelector("button");
    let typed = false;
    button.hidden = true;
    zones.addEventListener("pointerdown", () => (typed = false));
    zones.addEventListener("keydown", (event) => {
      typed = true;
      if (event.key === "Enter" && !button.hidden) zones.form.requestSubmit();
    });
    zones.addEventListener("change", () => (typed ? (button.hidden = false) : zones.form.requestSubmit()));
  }

  // --- forms -------------------------------------------------------------------------------------------------------

  // The button stays where the keyboard is, and says what it does; one that is disabled would lose it.
  function once(form) {
    const button = form.querySelector("button");
    form.addEventListener("submit", (event) => {
      if (button.getAttribute("aria-disabled") === "true") {
        event.preventDefault();
        return;
      }
      button.setAttribute("aria-disabled", "true");
      button.textContent = button.dataset.busy;
    });
  }

  // A browser follows the answer to a form only where the policy lets it; what was booked is booked, and is to be seen here.
  document.addEventListener("securitypolicyviolation", (event) => {
    if (event.effectiveDirective === "form-action") location.replace("?");
  });

  addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("#tz").forEach(change);
    document.querySelectorAll("form[method=post]").forEach(once);
  });

  // A page that the browser had put aside shows what was true then.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
})();

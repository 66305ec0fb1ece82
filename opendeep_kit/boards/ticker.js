// The page's heartbeat: asks for data once a second, only while the page is visible and the last question is answered.

const LOST_AFTER_MS = 6000;

export default {
  render({ model, el }) {
    const sign = make("div", "odb-ticker", { parent: el });
    sign.setAttribute("role", "status");
    const dot = make("i", "odb-ticker-dot", { parent: sign });
    const words = make("span", "", { parent: sign, text: "connecting" });
    const again = make("button", "", { parent: sign, type: "button", text: "Reload", hidden: true });
    again.addEventListener("click", () => location.reload());
    let asked = 0; // 0: nothing is being waited for
    let isLost = false;
    let isLeaving = false; // the page tells its kernel goodbye: nothing may be sent any more

    const show = (state, text) => {
      dress(dot, `odb-ticker-dot odb-ticker-${state}`);
      put(words, text);
      again.hidden = state !== "lost";
      document.body.classList.toggle("odb-lost", state === "lost");
    };
    const tick = () => {
      if (document.visibilityState !== "visible" || isLeaving) return;
      const now = performance.now();
      if (asked && now - asked > LOST_AFTER_MS) {
        isLost = true;
        show("lost", "Not live any more");
      }
      if (asked && now - asked < LOST_AFTER_MS) return;
      asked = now;
      model.send({ kind: "tick" });
    };
    const onMessage = (message) => {
      if (message.kind !== "tock") return;
      asked = 0;
      isLost = false;
      if (!message.is_fresh) return show("stale", "not fresh");
      show("live", `live ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" })}`);
    };
    const onVisible = () => {
      if (document.visibilityState !== "visible") return;
      asked = isLost ? asked : 0; // what was asked before the page was hidden may have been lost
      tick();
    };
    const onLeaving = () => (isLeaving = true);
    const onBack = () => (isLeaving = false);
    window.addEventListener("beforeunload", onLeaving);
    window.addEventListener("pageshow", onBack);
    model.on("msg:custom", onMessage);
    document.addEventListener("visibilitychange", onVisible);
    const timer = setInterval(tick, model.get("every_ms"));
    tick();
    return () => {
      clearInterval(timer);
      window.removeEventListener("beforeunload", onLeaving);
      window.removeEventListener("pageshow", onBack);
      document.removeEventListener("visibilitychange", onVisible);
      model.off("msg:custom", onMessage);
    };
  },
};

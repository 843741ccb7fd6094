// A call through the browser: over WebRTC where an engine offers that, else by the protocol in transports/browser_ws.py, of which this is
// the page's side, and its sound. It shows nothing and says nothing: whoever begins a call is told what happens to it, and has the words.
import { Rtc } from "./rtc.js";

const RATE_IN = 16000;
const RATE_OUT = 24000;
const BAR_MS = 60;

/** Why there is no microphone: insecure, nodevice or denied. */
export class NoMicrophone extends Error {
  constructor(why) {
    super(why);
    this.why = why;
  }
}

/** The caller's voice; to be asked for inside a click. NoMicrophone. */
export async function microphone(deviceId = "") {
  if (!navigator.mediaDevices?.getUserMedia || !globalThis.AudioWorkletNode) throw new NoMicrophone("insecure");
  const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: deviceId ? { ...wanted, deviceId: { exact: deviceId } } : wanted });
  } catch (error) {
    throw new NoMicrophone(["NotFoundError", "NotReadableError", "OverconstrainedError"].includes(error.name) ? "nodevice" : "denied");
  }
}

/** The last half minute of both sides: the caller above the line, the agent below. */
export class Strip {
  constructor(canvas) {
    this.canvas = canvas;
    this.bars = [];
    this.now = { caller: 0, agent: 0 };
    this.draw = this.draw.bind(this);
  }

  begin() {
    this.bars = [];
    this.timer = setInterval(() => {
      this.bars.push(this.now);
      this.now = { caller: 0, agent: 0 };
      if (this.bars.length > 600) this.bars.shift();
      requestAnimationFrame(this.draw);
    }, BAR_MS);
  }

  end() {
    clearInterval(this.timer);
  }

  level(side, peak) {
    this.now[side] = Math.max(this.now[side], peak);
  }

  draw() {
    const { canvas } = this;
    const scale = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * scale)) [canvas.width, canvas.height] = [width * scale, height * scale].map(Math.round);
    const context = canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const middle = height / 2;
    context.fillStyle = style.getPropertyValue("--line2");
    context.fillRect(16, middle - 0.5, width - 32, 1);
    const shown = this.bars.slice(-Math.floor((width - 32) / 3));
    const sides = [["caller", -1], ["agent", 1]];
    for (const [side, direction] of sides) {
      context.fillStyle = style.getPropertyValue(`--${side}`);
      shown.forEach((bar, index) => {
        const tall = Math.sqrt(bar[side]) * (middle - 10);
        if (tall > 2) context.fillRect(16 + index * 3, direction < 0 ? middle - tall : middle, 2, tall);
      });
    }
  }
}

/**
 * One call. ``told`` has asking(), connecting(), started(), message(object), level(side, peak) and stopped(state, word).
 * States at the end: ended, refused, lost, denied; the word says more.
 */
export class Line {
  constructor(told) {
    this.told = told;
    this.reason = "";
    this.muted = false;
    this.sounding = []; // marks whose audio has left the player and not yet the loudspeaker
    this.over = false;
  }

  /** ``address`` is the engine's websocket, ``offers`` where WebRTC is offered; ``stream`` a microphone that was opened before. */
  async begin({ address, offers = [], token = "", parameters = {}, stream = null }) {
    this.start = { type: "start", version: 1, token, rate: RATE_IN, rate_out: RATE_OUT, parameters };
    if (!stream && (!navigator.mediaDevices?.getUserMedia || !globalThis.AudioWorkletNode)) return this.stop("denied", "insecure");
    this.told.asking?.();
    // Made inside the click: later, browsers would keep it silent.
    this.context = new AudioContext({ latencyHint: "interactive" });
    try {
      this.stream = stream ?? (await microphone());
    } catch (error) {
      return this.stop("denied", error.why ?? "denied");
    }
    if (this.over) return this.release();
    await this.context.resume();
    this.told.connecting?.();
    for (const offer of globalThis.RTCPeerConnection ? offers : []) {
      if (await this.offered(offer, { token, parameters })) return;
      if (this.over) return this.release();
    }
    await this.context.audioWorklet.addModule(new URL("worklet.js", import.meta.url));
    this.connect(typeof address === "function" ? await address() : address);
  }

  /** Whether the call is under way over WebRTC. What is heard comes from an element: its sound is what echo is cancelled against. */
  async offered(address, words) {
    const rtc = new Rtc(address, this.stream, {
      track: (stream) => this.heard(stream),
      message: (message) => this.message(message),
      waiting: (on) => this.told.waiting?.(on),
      closed: (lost) => this.closed(lost ? 1006 : 1000),
    });
    this.rtc = rtc;
    if (!(await rtc.open(words)) || this.over) {
      rtc.close();
      this.rtc = null;
      return false;
    }
    this.meter("caller", this.stream);
    this.up();
    return true;
  }

  heard(stream) {
    this.element ??= new Audio();
    this.element.srcObject = stream;
    this.element.play().catch(() => {});
    this.meter("agent", stream);
  }

  /** Tell how loud a side is, as the worklets do. */
  meter(side, stream) {
    this.meters ??= {};
    clearInterval(this.meters[side]);
    const meter = new AnalyserNode(this.context, { fftSize: 2048 });
    this.context.createMediaStreamSource(stream).connect(meter);
    const values = new Float32Array(meter.fftSize);
    this.meters[side] = setInterval(() => {
      meter.getFloatTimeDomainData(values);
      this.told.level(side, values.reduce((most, one) => Math.max(most, Math.abs(one)), 0));
    }, BAR_MS / 2);
  }

  connect(address) {
    if (this.over) return;
    this.socket = new WebSocket(address);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.send(this.start);
    this.socket.onmessage = ({ data }) => this.take(data);
    this.socket.onclose = ({ code }) => this.closed(code);
  }

  send(message) {
    if (this.rtc) return this.rtc.send(message);
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  take(data) {
    if (data instanceof ArrayBuffer) {
      this.player?.port.postMessage({ audio: data }, [data]);
      return;
    }
    const message = JSON.parse(data);
    switch (message.type) {
      case "started": return this.started(message);
      case "clear": return this.player?.port.postMessage({ clear: true });
      case "mark": return this.player?.port.postMessage({ mark: message.name });
    }
    this.message(message);
  }

  message(message) {
    if (message.type === "ended") this.reason = message.reason;
    this.told.message(message);
  }

  started({ rate, rate_out }) {
    this.player = new AudioWorkletNode(this.context, "player", { numberOfInputs: 0, outputChannelCount: [1], processorOptions: { rate: rate_out } });
    this.player.port.onmessage = ({ data }) => this.played(data);
    this.player.connect(this.context.destination);
    this.capture = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0, processorOptions: { rate } });
    this.capture.port.onmessage = ({ data }) => {
      if (this.socket.readyState === WebSocket.OPEN) this.socket.send(data.data);
      this.told.level("caller", data.peak);
    };
    this.context.createMediaStreamSource(this.stream).connect(this.capture);
    this.up();
  }

  up() {
    this.live = true;
    // Some systems take the sound away (a telephone call, headphones pulled out); take it back when they let us.
    this.context.onstatechange = () => this.context.state === "interrupted" && this.context.resume();
    this.since = performance.now();
    this.told.started();
  }

  /** Whole seconds on the line. */
  get seconds() {
    return Math.floor((performance.now() - this.since) / 1000);
  }

  /** A mark is answered when its audio has been heard, so the loudspeaker's delay is added; dropped marks at once, in order. */
  played(message) {
    if (message.mark !== undefined) {
      const delay = 1000 * (this.context.outputLatency || this.context.baseLatency || 0);
      const entry = { name: message.mark };
      entry.timer = setTimeout(() => {
        this.sounding.splice(this.sounding.indexOf(entry), 1);
        this.send({ type: "mark", name: entry.name });
      }, delay);
      this.sounding.push(entry);
    } else if (message.cleared) {
      for (const entry of this.sounding.splice(0)) {
        clearTimeout(entry.timer);
        this.send({ type: "mark", name: entry.name });
      }
      for (const name of message.cleared) this.send({ type: "mark", name });
    } else if (message.finished) {
      this.release();
    } else {
      this.told.level("agent", message.peak);
    }
  }

  /** Whether it is muted now. */
  mute() {
    if (this.live) {
      this.muted = !this.muted;
      this.capture?.port.postMessage({ muted: this.muted });
      // A muted track goes on, as silence.
      if (this.rtc) for (const track of this.stream.getAudioTracks()) track.enabled = !this.muted;
    }
    return this.muted;
  }

  press(digit) {
    this.send({ type: "dtmf", digit });
  }

  hangUp() {
    this.reason ||= "hangup";
    this.player?.port.postMessage({ clear: true });
    this.send({ type: "hangup" });
    // The engine closes; should it not, the call is over all the same.
    setTimeout(() => this.over || this.closed(1000), 1500);
    if (!this.live) this.stop("ended", "ended-hangup");
  }

  closed(code) {
    if (this.over) return;
    if (code === 1013) return this.stop("refused", "ended-busy");
    // A call that was taken ends with a reason; one that was not is only closed.
    if (code === 1008 || (code === 1000 && !this.reason)) return this.stop("refused", "ended-refused");
    if (code !== 1000 && !this.reason) return this.stop("lost");
    this.stop("ended", `ended-${this.reason}`);
  }

  stop(state, word = state) {
    if (this.over) return;
    this.over = true;
    if (this.socket) this.socket.onclose = null;
    this.socket?.close(1000);
    this.rtc?.close();
    for (const timer of Object.values(this.meters ?? {})) clearInterval(timer);
    if (this.element) this.element.srcObject = null;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.capture?.port.postMessage({ over: true });
    // What has arrived is still played, but not for ever.
    this.player?.port.postMessage({ finish: true });
    setTimeout(() => this.release(), this.player ? 1000 : 0);
    this.told.stopped(state, word);
  }

  release() {
    this.told.silent?.();
    this.player?.port.postMessage({ over: true });
    if (this.context && this.context.state !== "closed") this.context.close();
  }
}

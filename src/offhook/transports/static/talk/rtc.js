// A call's WebRTC connections, one after another: the page's side of transports/webrtc.py. It shows nothing and says nothing.

const CONNECT_MS = 3000; // then the websocket is tried
const GATHER_MS = 1000;
const SILENT_MS = 1200; // the engine sends 50 packets a second: without one for so long the connection is gone
const GIVE_UP_MS = 5000;
const LOOK_MS = 250;
const TELL_LOOKS = 8;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** ``told`` has track(stream), message(object), waiting(on) and closed(lost). */
export class Rtc {
  constructor(address, stream, told) {
    this.address = address; // of the offers
    this.stream = stream;
    this.told = told;
    this.over = false;
  }

  /** Whether the call is under way. Nothing has been used up when it is not. */
  async open(words) {
    try {
      const answer = await fetch(this.address.replace("/offer", "/settings"), { signal: AbortSignal.timeout(CONNECT_MS) });
      const { offered, ice_servers } = await answer.json();
      if (!offered || this.over) return false;
      this.servers = ice_servers;
      if (await this.connect(words)) return true;
    } catch {
      // no such address, or nobody there
    }
    this.close();
    return false;
  }

  /** One connection, from its offer to its first sound; it takes the place of the one before. */
  async connect(words) {
    const peer = new RTCPeerConnection({ iceServers: this.servers });
    const channel = peer.createDataChannel("offhook");
    const ready = new Promise((done) => {
      channel.onopen = () => done(true);
      peer.onconnectionstatechange = () => {
        if (["failed", "closed"].includes(peer.connectionState)) done(false);
        if (peer === this.peer && ["failed", "disconnected", "closed"].includes(peer.connectionState)) this.again();
      };
      setTimeout(() => done(false), CONNECT_MS);
    });
    let played = null;
    peer.ontrack = ({ track, streams }) => { played = streams[0] ?? new MediaStream([track]); };
    channel.onmessage = ({ data }) => this.take(JSON.parse(data));
    for (const track of this.stream.getAudioTracks()) peer.addTrack(track, this.stream);
    try {
      await peer.setLocalDescription();
      await Promise.race([pause(GATHER_MS), new Promise((done) => {
        const look = () => peer.iceGatheringState === "complete" && done();
        peer.onicegatheringstatechange = look;
        look();
      })]);
      const answer = await fetch(this.address, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ sdp: peer.localDescription.sdp, type: "offer", ...words }),
        signal: AbortSignal.timeout(CONNECT_MS),
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const { sdp, resume } = await answer.json();
      await peer.setRemoteDescription({ type: "answer", sdp });
      if (!(await ready) || this.over) throw new Error("no connection");
      const before = this.peer;
      Object.assign(this, { peer, channel, resume, packets: -1, since: performance.now() });
      before?.close();
      this.told.track(played);
      this.timer ??= setInterval(() => this.look(), LOOK_MS);
      return true;
    } catch {
      peer.close();
      return false;
    }
  }

  take(message) {
    if (this.over || message.type === "ping") return;
    if (message.type === "end") return this.gone(false);
    this.told.message(message);
  }

  send(message) {
    if (message.type === "hangup") this.left = true;
    if (this.channel?.readyState === "open") this.channel.send(JSON.stringify(message));
  }

  /** Whether anything still comes; and how late it is heard, so that the engine knows what has been. */
  async look() {
    this.looks = (this.looks ?? 0) + 1;
    const peer = this.peer;
    const reports = [...(await peer.getStats().catch(() => new Map())).values()];
    const coming = reports.find((one) => one.type === "inbound-rtp");
    if (this.over || peer !== this.peer) return;
    if (coming && coming.packetsReceived !== this.packets) {
      this.packets = coming.packetsReceived;
      this.since = performance.now();
    } else if (performance.now() - this.since > SILENT_MS) {
      return this.again();
    }
    if (this.looks % TELL_LOOKS === 0 && coming?.jitterBufferEmittedCount) {
      this.send({ type: "delay", ms: Math.round((1000 * coming.jitterBufferDelay) / coming.jitterBufferEmittedCount) });
    }
  }

  /** The connection is gone: another one for the same call, for some seconds. */
  async again() {
    if (this.coming || this.over) return;
    if (this.left) return this.gone(false); // the engine has hung up as it was asked to
    this.coming = true;
    this.told.waiting?.(true);
    const until = performance.now() + GIVE_UP_MS;
    while (!this.over && performance.now() < until) {
      if (await this.connect({ resume: this.resume })) {
        this.coming = false;
        return this.told.waiting?.(false);
      }
      await pause(LOOK_MS);
    }
    this.gone(true);
  }

  gone(lost) {
    if (this.over) return;
    this.close();
    this.told.closed(lost);
  }

  close() {
    this.over = true;
    clearInterval(this.timer);
    this.peer?.close();
  }
}

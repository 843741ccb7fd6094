// Runs on the audio thread: `capture` makes 20 ms frames of 16 kHz PCM16 from the microphone, `player` plays what it is
// given in order. Both convert rates themselves, because browsers differ in what a context at another rate may connect to.

const HALF = 16; // lobes of the filter on each side, counted at the lower of the two rates
const STEPS = 64; // tabled positions between two samples

/** A streaming windowed-sinc resampler; its delay is about one millisecond. */
class Resampler {
  constructor(from, to) {
    this.ratio = from / to;
    this.same = from === to;
    const cut = Math.min(1, to / from) * 0.94;
    this.reach = Math.ceil(HALF / Math.min(1, to / from));
    this.taps = 2 * this.reach;
    this.table = new Float32Array((STEPS + 1) * this.taps);
    for (let step = 0; step <= STEPS; step++) {
      let sum = 0;
      for (let tap = 0; tap < this.taps; tap++) {
        const x = tap - this.reach + 1 - step / STEPS;
        const window = Math.abs(x) >= this.reach ? 0 : 0.42 + 0.5 * Math.cos((Math.PI * x) / this.reach) + 0.08 * Math.cos((2 * Math.PI * x) / this.reach);
        const sinc = x === 0 ? 1 : Math.sin(Math.PI * cut * x) / (Math.PI * cut * x);
        this.table[step * this.taps + tap] = sinc * window;
        sum += sinc * window;
      }
      for (let tap = 0; tap < this.taps; tap++) this.table[step * this.taps + tap] /= sum;
    }
    this.kept = new Float32Array(this.taps);
    this.at = 0; // place of the next output sample, in input samples from the start of `kept`
  }

  feed(input) {
    if (this.same) return input;
    const all = new Float32Array(this.kept.length + input.length);
    all.set(this.kept);
    all.set(input, this.kept.length);
    const out = new Float32Array(Math.max(0, Math.ceil((all.length - this.taps - this.at) / this.ratio)));
    let count = 0;
    while (this.at + this.taps < all.length && count < out.length) {
      const first = Math.floor(this.at);
      const row = Math.round((this.at - first) * STEPS) * this.taps;
      let value = 0;
      for (let tap = 0; tap < this.taps; tap++) value += all[first + tap] * this.table[row + tap];
      out[count++] = value;
      this.at += this.ratio;
    }
    const gone = Math.min(Math.floor(this.at), all.length);
    this.kept = all.slice(gone);
    this.at -= gone;
    return out.subarray(0, count);
  }
}

class Capture extends AudioWorkletProcessor {
  constructor(options) {
    super();
    const { rate } = options.processorOptions;
    this.resampler = new Resampler(sampleRate, rate);
    this.frame = new Int16Array(rate / 50);
    this.filled = 0;
    this.peak = 0;
    this.muted = false;
    this.over = false;
    this.silence = new Float32Array(128);
    this.port.onmessage = ({ data }) => {
      if ("muted" in data) this.muted = data.muted;
      if (data.over) this.over = true;
    };
  }

  process(inputs) {
    // A muted or missing microphone still sends: the place in the stream is the call's time.
    const sound = this.muted ? undefined : inputs[0][0];
    for (const value of this.resampler.feed(sound ?? this.silence)) {
      const clipped = Math.max(-1, Math.min(1, value));
      this.peak = Math.max(this.peak, Math.abs(clipped));
      this.frame[this.filled++] = Math.round(clipped * 32767);
      if (this.filled === this.frame.length) {
        const data = this.frame.slice().buffer;
        this.port.postMessage({ data, peak: this.peak }, [data]);
        this.filled = 0;
        this.peak = 0;
      }
    }
    return !this.over;
  }
}

const FADE = 64; // samples over which dropped audio dies away, so that a clear makes no click

class Player extends AudioWorkletProcessor {
  constructor(options) {
    super();
    this.rate = options.processorOptions.rate;
    this.resampler = new Resampler(this.rate, sampleRate);
    this.queue = []; // Float32Array: sound; string: the name of a mark
    this.offset = 0;
    this.last = 0;
    this.fade = 0;
    this.peak = 0;
    this.blocks = 0;
    this.over = false;
    this.finishing = false;
    this.port.onmessage = ({ data }) => this.take(data);
  }

  take(message) {
    if (message.audio) {
      const samples = new Int16Array(message.audio);
      const values = new Float32Array(samples.length);
      for (let i = 0; i < samples.length; i++) values[i] = samples[i] / 32768;
      const ready = this.resampler.feed(values);
      if (ready.length) this.queue.push(ready);
    } else if (message.mark !== undefined) {
      this.queue.push(message.mark);
    } else if (message.clear) {
      const names = this.queue.filter((entry) => typeof entry === "string");
      if (names.length < this.queue.length) this.fade = FADE;
      this.queue = [];
      this.offset = 0;
      this.resampler = new Resampler(this.rate, sampleRate);
      this.port.postMessage({ cleared: names });
    } else if (message.finish) {
      this.finishing = true;
    } else if (message.over) {
      this.over = true;
    }
  }

  process(_inputs, outputs) {
    const out = outputs[0][0];
    let filled = 0;
    while (this.queue.length && (filled < out.length || typeof this.queue[0] === "string")) {
      const entry = this.queue[0];
      if (typeof entry === "string") {
        this.port.postMessage({ mark: entry });
        this.queue.shift();
        continue;
      }
      const count = Math.min(out.length - filled, entry.length - this.offset);
      out.set(entry.subarray(this.offset, this.offset + count), filled);
      filled += count;
      this.offset += count;
      if (this.offset === entry.length) {
        this.queue.shift();
        this.offset = 0;
      }
    }
    if (filled) {
      this.last = out[filled - 1];
      this.fade = 0;
    }
    for (; filled < out.length && this.fade > 0; filled++, this.fade--) out[filled] = (this.last * this.fade) / FADE;
    for (const value of out) this.peak = Math.max(this.peak, Math.abs(value));
    if (++this.blocks * out.length >= sampleRate / 50) {
      this.port.postMessage({ peak: this.peak });
      this.peak = 0;
      this.blocks = 0;
    }
    if (this.finishing && !this.queue.length) {
      this.finishing = false;
      this.port.postMessage({ finished: true });
    }
    return !this.over;
  }
}

registerProcessor("capture", Capture);
registerProcessor("player", Player);

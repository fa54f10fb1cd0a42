"""A camera whose pictures say when they were made (the strip of test-media), and whose sender reports say it too.
Arguments: port; rtsp, or rtp for packets sent to that port with RTCP behind it; the camera's number; and fast, or slow for an
encoder that holds pictures back for B-frames and lookahead."""

import binascii
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
port, way, camera, pace = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
WIDTH, HEIGHT = 640, 360
stream = (
    f"appsrc name=pictures is-live=true do-timestamp=true format=time "
    f"caps=video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate=25/1 "
    "! x264enc speed-preset=ultrafast key-int-max=25 threads=1 "
    + {"fast": "tune=zerolatency", "slow": "bframes=2 rc-lookahead=8 sync-lookahead=0"}[pace]
    + " ! rtph264pay config-interval=-1 pt=96 name=pay0"
)


def row(bits):
    blocks = [bytes([235 if bit == "1" else 16]) for bit in bits]
    edges = [column * WIDTH // 48 for column in range(49)]
    pixels = b"".join(block * (right - left) for block, left, right in zip(blocks, edges, edges[1:]))
    return pixels * (HEIGHT // 30)


def draw(frame):
    utc = time.time_ns() // 1_000_000
    content = bytes([camera]) + frame.to_bytes(3, "big") + utc.to_bytes(6, "big")
    bits = "".join(f"{byte:08b}" for byte in content + binascii.crc_hqx(content, 0xFFFF).to_bytes(2, "big"))
    strip = row(bits[:48]) + row(bits[48:])
    return strip + bytes([40 + frame % 100]) * (WIDTH * HEIGHT - len(strip)) + bytes([128]) * (WIDTH * HEIGHT // 2)


def shoot(pictures):
    start = time.monotonic()
    for frame in range(1 << 24):
        time.sleep(max(0, start + frame / 25 - time.monotonic()))
        pictures.emit("push-buffer", Gst.Buffer.new_wrapped(draw(frame)))


def run(pictures):
    threading.Thread(target=shoot, args=(pictures,), daemon=True).start()


class Media(GstRtspServer.RTSPMedia):
    def do_setup_rtpbin(self, session):
        # GStreamer reports when it sends, which is later by what its encoder holds back; RFC 3550 means the capture.
        session.set_property("rtcp-sync-send-time", False)
        return True


if way == "rtsp":
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( {stream} )")
    factory.set_media_gtype(Media)
    factory.set_shared(True)
    factory.connect("media-configure", lambda _, media: run(media.get_element().get_by_name("pictures")))
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(port))
    server.get_mount_points().add_factory("/cam", factory)
    if not server.attach(None):
        sys.exit(f"port {port} is taken")
else:
    pipeline = Gst.parse_launch(
        f"rtpbin name=session rtcp-sync-send-time=false {stream} ! session.send_rtp_sink_0 "
        f"session.send_rtp_src_0 ! udpsink host=127.0.0.1 port={port} "
        f"session.send_rtcp_src_0 ! udpsink host=127.0.0.1 port={port + 1} sync=false async=false"
    )
    pipeline.set_state(Gst.State.PLAYING)
    run(pipeline.get_by_name("pictures"))
GLib.MainLoop().run()

"""An RTSP camera: gst-rtsp-server with a test picture and a tone. Arguments: port, codec (h264 or h265), and
user:password when it is to ask for them, by digest authentication; or ntp=PORT when it is to follow an NTP server of this
machine and to declare that in its description (RFC 7273)."""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

Gst.init(None)
port, codec = sys.argv[1], sys.argv[2]
encoder = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 threads=1 ! rtph264pay name=pay0 pt=96",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph265pay name=pay0 pt=96",
}[codec]
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 ! "
    + encoder
    + " audiotestsrc is-live=true samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! "
    "rtpmp4gpay name=pay1 pt=97 )"
)
factory.set_shared(True)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
asked = sys.argv[3] if len(sys.argv) > 3 else ""
if asked.startswith("ntp="):
    gi.require_version("GstNet", "1.0")
    from gi.repository import GstNet

    clock = GstNet.NtpClock.new("ntp", "127.0.0.1", int(asked[4:]), 0)
    if not clock.wait_for_sync(30 * Gst.SECOND):
        sys.exit("the NTP server does not answer")
    factory.set_clock(clock)
    factory.set_publish_clock_mode(GstRtspServer.RTSPPublishClockMode.CLOCK_AND_OFFSET)
elif asked:
    user, password = asked.split(":")
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "camera")
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    may = [GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT]
    role = "camera," + ",".join(name + "=(boolean)true" for name in may)
    factory.add_role_from_structure(Gst.Structure.new_from_string(role))
server.get_mount_points().add_factory("/cam", factory)
server.attach(None)
GLib.MainLoop().run()

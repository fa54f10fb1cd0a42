"""An RTSP camera that plays a transport stream once: gst-rtsp-server. Arguments: port, codec (h264 or h265), file, sound (yes or no)."""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
port, codec, file, sound = sys.argv[1:5]
launch = f"( filesrc location={file} ! tsdemux name=d d. ! queue ! {codec}parse ! rtp{codec}pay name=pay0 pt=96 config-interval=-1 "
if sound == "yes":
    launch += "d. ! queue ! aacparse ! audio/mpeg,stream-format=raw ! rtpmp4gpay name=pay1 pt=97 "
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(launch + ")")
factory.set_shared(True)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
server.get_mount_points().add_factory("/cam", factory)
server.attach(None)
GLib.MainLoop().run()

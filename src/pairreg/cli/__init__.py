"""The commands."""

import signal
import threading

# Until a command listens to signals, Ctrl-C just ends the process: in the midst of imports, Python's own way to do so
# is a traceback of 30 lines.
if threading.current_thread() is threading.main_thread() and (
    signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, signal.SIG_DFL)

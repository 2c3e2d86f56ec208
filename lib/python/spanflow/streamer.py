class Streamer:
    pass

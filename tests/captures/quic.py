"""A server and a client of QUIC, made with aioquic: quic.py serve ADDRESS PORT CERTIFICATE KEY | ask ADDRESS PORT NAME ALPN."""
import asyncio
import ssl
import sys

from aioquic.asyncio import connect, serve
from aioquic.quic.configuration import QuicConfiguration


async def run_server(address, port, certificate, key):
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3", "doq"])
    configuration.load_cert_chain(certificate, key)
    await serve(address, int(port), configuration=configuration)
    await asyncio.Future()


async def ask(address, port, name, alpn):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=[alpn], server_name=name, verify_mode=ssl.CERT_NONE)
    async with connect(address, int(port), configuration=configuration) as client:
        await client.ping()


asyncio.run({"serve": run_server, "ask": ask}[sys.argv[1]](*sys.argv[2:]))

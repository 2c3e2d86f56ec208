# shellcheck shell=bash
# The programs of the scenario "names", whose names and fingerprints spanflow's readers read. Sourced by record.

start_tls_servers() {
  # Sessions of TLS 1.2 with a readable certificate, and DTLS.
  spawn s_server "${IN_SERVER[@]}" openssl s_server -4 -accept 4433 -www -tls1_2 -alpn h2,http/1.1 \
    -cert "$WORK/tls12.crt" -key "$WORK/tls12.key"
  # It ends with its input, so it gets one that lasts longer than the talk.
  mkfifo "$WORK/forever"
  spawn forever sh -c "exec sleep 100 >'$WORK/forever'"
  "${IN_SERVER[@]}" openssl s_server -4 -accept 4434 -dtls1_2 -mtu 300 -listen -cert "$WORK/tls12.crt" \
    -key "$WORK/tls12.key" >"$WORK/dtls.log" 2>&1 <"$WORK/forever" &
  PIDS+=($!)
  spawn dot "${IN_SERVER[@]}" openssl s_server -4 -accept 853 -rev -alpn dot -cert "$WORK/tls13.crt" -key "$WORK/tls13.key"
  wait_listening tcp 4433
  wait_listening udp 4434
  wait_listening tcp 853
}

start_starttls() {
  spawn starttls "${IN_SERVER[@]}" /usr/bin/python3 -m aiosmtpd -n -l "$SERVER:587" -c aiosmtpd.handlers.Sink \
    --tlscert "$WORK/tls13.crt" --tlskey "$WORK/tls13.key" --no-requiretls
  wait_listening tcp 587
}

# Debian 12 has no package of aioquic.
start_quic() {
  /usr/bin/python3 -m venv "$WORK/venv"
  "$WORK/venv/bin/pip" install -q aioquic
  spawn quic "${IN_SERVER[@]}" "$WORK/venv/bin/python3" "$HERE/quic.py" serve "$SERVER" 4443 "$WORK/tls13.crt" "$WORK/tls13.key"
  wait_listening udp 4443
}

# s_client ends when its input does.
tls_client() { in_client timeout 5 openssl s_client "$@" </dev/null >/dev/null 2>&1 || true; }

talk_openssl() {
  tls_client -connect "$SERVER:4433" -servername www.instagram.com -alpn h2,http/1.1
  tls_client -connect "$SERVER:4433" -servername again.example.org -reconnect # five connections that resume the session
  (sleep 1; echo) | in_client timeout 3 openssl s_client -dtls1_2 -connect "$SERVER:4434" -servername dtls.example.org \
    >/dev/null 2>&1 || true
  tls_client -connect "$SERVER:587" -starttls smtp -servername mail.example.org
}

talk_dns_tools() {
  query example.org SRV
  query _sip._udp.example.org SRV
  query svc.example.org HTTPS
  query +tcp +keepopen example.org A example.org MX
  in_client kdig "@$SERVER" +tls +time=1 +retry=0 example.org A >/dev/null 2>&1 || true
  in_client /usr/bin/python3 -c "
import dns.message, dns.query
for kind in ('A', 'AAAA', 'TXT'):
    dns.query.udp(dns.message.make_query('example.org', kind), '$SERVER', timeout=2)
"
}

talk_http_clients() {
  fetch --http2-prior-knowledge -A 'curl/h2' "http://$SERVER:81/index.html"
  in_client /usr/bin/python3 -c "
import http.client
connection = http.client.HTTPConnection('$SERVER')
connection.request('POST', '/api/items', iter([b'name=flow', b'&value=1']), {'Host': 'python.example.org'}, encode_chunked=True)
connection.getresponse().read()
connection.request('GET', '/table.csv', headers={'Host': 'python.example.org'})
connection.getresponse().read()
"
}

# The server closes the connection after the handshake, because it does not speak HTTP/3.
talk_quic() {
  in_client "$WORK/venv/bin/python3" "$HERE/quic.py" ask "$SERVER" 4443 quic.example.org h3
  in_client "$WORK/venv/bin/python3" "$HERE/quic.py" ask "$SERVER" 4443 doq.example.org doq
  in_client timeout 20 chromium --headless --no-sandbox --disable-gpu --disable-component-update --disable-background-networking \
    --disable-sync --no-first-run --user-data-dir="$WORK/chromium" --enable-quic --ignore-certificate-errors \
    --origin-to-force-quic-on=chromium.example.org:4443 --timeout=3000 --dump-dom \
    --host-resolver-rules="MAP chromium.example.org $SERVER, MAP tls.example.org $SERVER, MAP * ~NOTFOUND" \
    https://chromium.example.org:4443/ >/dev/null 2>&1 || true
  in_client timeout 20 chromium --headless --no-sandbox --disable-gpu --disable-component-update --disable-background-networking \
    --disable-sync --no-first-run --user-data-dir="$WORK/chromium" --ignore-certificate-errors --timeout=3000 --dump-dom \
    --host-resolver-rules="MAP chromium.example.org $SERVER, MAP tls.example.org $SERVER, MAP * ~NOTFOUND" \
    https://tls.example.org/ >/dev/null 2>&1 || true
}

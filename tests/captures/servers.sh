# shellcheck shell=bash
# The servers the scenarios talk to, each in the server namespace with its state under $WORK.
# Sourced by record, which has spawn, wait_listening, IN_SERVER and the addresses.

start_nginx() {
  local www=$WORK/www
  mkdir -p "$www/api"
  printf '<!doctype html><title>Flows</title><p>%s</p>\n' "$(seq -s ' ' 400)" >"$www/index.html"
  seq -s ',' 1 1800 >"$www/table.csv"
  head -c 3000 /dev/urandom >"$www/logo.png"
  head -c 30000 /dev/urandom >"$www/video.mp4"
  # RSA for TLS 1.2, where the certificate is readable on the wire; a smaller EC key for the rest.
  openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj '/O=Test/CN=www.instagram.com' \
    -addext 'subjectAltName=DNS:www.instagram.com,DNS:*.cdninstagram.com' \
    -keyout "$WORK/tls12.key" -out "$WORK/tls12.crt" 2>/dev/null
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj '/O=Test/CN=example.org' \
    -addext 'subjectAltName=DNS:example.org,DNS:*.example.org' \
    -keyout "$WORK/tls13.key" -out "$WORK/tls13.crt" 2>/dev/null
  cat >"$WORK/nginx.conf" <<CONF
daemon off; master_process off; user root; pid $WORK/nginx.pid; error_log $WORK/nginx.log;
events {}
http {
  access_log off;
  types { text/html html; text/csv csv; image/png png; video/mp4 mp4; }
  client_body_temp_path $WORK/body; proxy_temp_path $WORK/proxy; fastcgi_temp_path $WORK/fastcgi;
  uwsgi_temp_path $WORK/uwsgi; scgi_temp_path $WORK/scgi;
  root $www;
  # "return" answers a POST too, which a static file does not.
  server {
    listen 80; listen [::]:80;
    location /api/ { default_type application/json; return 200 '{"stored": true}\n'; }
  }
  server { listen 81 http2; }
  server {
    listen $INSTAGRAM:443 ssl;
    ssl_protocols TLSv1.2; ssl_certificate $WORK/tls12.crt; ssl_certificate_key $WORK/tls12.key;
  }
  server {
    listen 443 ssl http2; listen [::]:443 ssl http2;
    ssl_protocols TLSv1.3; ssl_certificate $WORK/tls13.crt; ssl_certificate_key $WORK/tls13.key;
  }
}
CONF
  spawn nginx "${IN_SERVER[@]}" nginx -e "$WORK/nginx.log" -c "$WORK/nginx.conf"
  wait_listening tcp 443
}

start_dnsmasq() {
  local text=() n
  # Twenty long strings under one name make an answer that does not fit one frame.
  for n in $(seq 20); do text+=(--txt-record="big.example.org,$n-$(printf 'x%.0s' $(seq 120))"); done
  spawn dnsmasq "${IN_SERVER[@]}" dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --pid-file= \
    --no-resolv --no-hosts --bind-interfaces --listen-address="$SERVER" --edns-packet-max=4096 --local=/example.org/ \
    --address="/www.instagram.com/$INSTAGRAM" --address="/www.youtube.com/$YOUTUBE" \
    --address="/web.whatsapp.com/$WHATSAPP" --address="/www.netflix.com/$NETFLIX" \
    --host-record="example.org,$SERVER,$SERVER6" --mx-host=example.org,mail.example.org,10 \
    --host-record="mail.example.org,$SERVER" --txt-record='example.org,v=spf1 mx -all' "${text[@]}" \
    --srv-host=_sip._udp.example.org,mail.example.org,5060,1,5 --dns-rr=svc.example.org,65,00010000010006026832026833
  wait_listening udp 53
}

start_sshd() {
  ssh-keygen -q -t ed25519 -N '' -C '' -f "$WORK/host_key"
  ssh-keygen -q -t ed25519 -N '' -C '' -f "$WORK/user_key"
  # sshd refuses to start without its privilege separation directory, made by its service otherwise.
  [[ -d /run/sshd ]] || { mkdir -m 755 /run/sshd; MADE_SSHD_DIR=yes; }
  printf '%s\n' "ListenAddress $SERVER" "HostKey $WORK/host_key" "AuthorizedKeysFile $WORK/user_key.pub" 'UsePAM no' \
    'StrictModes no' 'PermitRootLogin prohibit-password' 'PidFile none' >"$WORK/sshd_config"
  spawn sshd "${IN_SERVER[@]}" /usr/sbin/sshd -D -e -f "$WORK/sshd_config"
  wait_listening tcp 22
}

start_smtp() {
  # Debian's interpreter by path: another python3 earlier in PATH would not see Debian's modules.
  spawn smtp "${IN_SERVER[@]}" /usr/bin/python3 -m aiosmtpd -n -l "$SERVER:25" -c aiosmtpd.handlers.Sink
  wait_listening tcp 25
}

start_mosquitto() {
  printf '%s\n' "listener 1883 $SERVER" 'allow_anonymous true' 'user root' 'persistence false' >"$WORK/mosquitto.conf"
  spawn mosquitto "${IN_SERVER[@]}" mosquitto -c "$WORK/mosquitto.conf"
  wait_listening tcp 1883
}

start_redis() {
  spawn redis "${IN_SERVER[@]}" redis-server --bind "$SERVER" --protected-mode no --save '' --dir "$WORK"
  wait_listening tcp 6379
}

start_postgres() {
  local bin as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)
  bin=$(find /usr/lib/postgresql -path '*/bin/initdb' -printf '%h\n' | sort -V | tail -n 1)
  install -d -o postgres -m 700 "$WORK/postgres"
  "${as_postgres[@]}" "$bin/initdb" --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync -D "$WORK/postgres" \
    >"$WORK/initdb.log" 2>&1
  echo "host all all $CLIENT/24 trust" >>"$WORK/postgres/pg_hba.conf"
  spawn postgres "${IN_SERVER[@]}" "${as_postgres[@]}" "$bin/postgres" -D "$WORK/postgres" \
    -c "listen_addresses=$SERVER" -c "unix_socket_directories=$WORK/postgres" -c fsync=off
  wait_listening tcp 5432
}

start_chronyd() {
  # -x: serve the time and leave the machine's clock alone.
  spawn chronyd "${IN_SERVER[@]}" chronyd -x -d -u root 'local stratum 8' 'allow all' 'bindcmdaddress /' 'cmdport 0' \
    "pidfile $WORK/chronyd.pid"
  wait_listening udp 123
}

start_iperf3() {
  spawn iperf3 "${IN_SERVER[@]}" iperf3 --server
  wait_listening tcp 5201
}

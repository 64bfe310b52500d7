# Parts of the boot scripts of every node. Sourced, never run.
# shellcheck shell=bash

# from_metadata PATH answers from the instance metadata service, version 2.
from_metadata() {
  local token
  token=$(curl -sSf --retry 10 --retry-connrefused -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' \
    http://169.254.169.254/latest/api/token)
  curl -sSf --retry 10 --retry-connrefused -H "X-aws-ec2-metadata-token: $token" \
    "http://169.254.169.254/latest/meta-data/$1"
}

# persist COMMAND... repeats a command until it succeeds. A node that never gets on is given up by the control
# plane after its admission grace, so there is no limit here.
persist() {
  until "$@"; do
    echo "not yet: $*" >&2
    sleep 5
  done
}

# secret NAME prints a secret of Secrets Manager.
secret() {
  persist aws secretsmanager get-secret-value --secret-id "$1" --query SecretString --output text
}

# start_agent fills in what only the instance knows and starts the node agent.
start_agent() {
  sed -i "s/@INSTANCE@/$INSTANCE/; s/@ADDRESS@/$ADDRESS/" /etc/jitsi-fleet/node.json
  chmod 755 "$HERE/agent"
  cp "$HERE/agent.service" /etc/systemd/system/jitsi-fleet-agent.service
  sed -i "s/@REGION@/$AWS_DEFAULT_REGION/" /etc/systemd/system/jitsi-fleet-agent.service
  systemctl daemon-reload
  systemctl enable --now jitsi-fleet-agent.service
}

# install_docker installs the container engine of Amazon Linux 2023.
install_docker() {
  persist dnf -q -y install docker
  systemctl enable --now docker.service
}

# image NAME fetches ghcr.io/jitsi/NAME and keeps the environment that stands on standard input for its container.
image() {
  install -m 600 /dev/stdin "/etc/jitsi-fleet/$1.env"
  mkdir -p "/srv/jitsi/$1/config"
  persist docker pull -q "ghcr.io/jitsi/$1:$RELEASE"
}

# component NAME RESTART [DOCKER RUN OPTION...] makes the container of an image that is there a service of its name, which
# systemd restarts as RESTART says. Mounts are upstream's (docker-compose.yml of docker-jitsi-meet).
component() {
  local name=$1 restart=$2
  shift 2
  cat > "/etc/systemd/system/$name.service" <<UNIT
[Unit]
Description=Jitsi $name
After=docker.service network-online.target
Requires=docker.service

[Service]
ExecStartPre=-/usr/bin/docker rm -f $name
ExecStart=/usr/bin/docker run --rm --name $name --log-driver none --ulimit nofile=65000:65000 --read-only --env-file /etc/jitsi-fleet/$name.env -v /srv/jitsi/$name/config:/config $* ghcr.io/jitsi/$name:$RELEASE
ExecStop=/usr/bin/docker stop -t 30 $name
Restart=$restart
RestartSec=2
TimeoutStartSec=0

[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
}

# container NAME [DOCKER RUN OPTION...] runs ghcr.io/jitsi/NAME on the host's network as the service NAME, with the
# environment that stands on standard input. A component that ends well, as a bridge does after its graceful shutdown,
# stays ended.
container() {
  local name=$1
  shift
  image "$name"
  component "$name" on-failure --network host --tmpfs /run:size=32M,mode=1750,exec --tmpfs /tmp:size=16M,mode=1777,noexec "$@"
  systemctl enable --now "$name.service"
}

INSTANCE=$(from_metadata instance-id)
ADDRESS=$(from_metadata local-ipv4)

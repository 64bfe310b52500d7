#!/usr/bin/env bash
# Boots a videobridge node: the agent, and JVB in a container. Wants RELEASE, SIGNAL, JVB_SECRET and
# AWS_DEFAULT_REGION in the environment.
set -euo pipefail
HERE=$(dirname "$(readlink -f "$0")")
# shellcheck source=node.sh
source "$HERE/node.sh"

# The figures of the Debian package, jitsi-videobridge's 20-jvb-udp-buffers.conf.
cat > /etc/sysctl.d/20-jvb-udp-buffers.conf <<'SYSCTL'
net.core.rmem_max=10485760
net.core.netdev_max_backlog=100000
SYSCTL
sysctl -q --system

start_agent
install_docker

# JVB's API has no authentication, so it stays on loopback. A bridge takes no conference until it is admitted.
mkdir -p /srv/jitsi/jvb/config
cat > /srv/jitsi/jvb/config/custom-jvb.conf <<'HOCON'
videobridge {
  initial-drain-mode = true
  http-servers.private.host = 127.0.0.1
}
HOCON

container jvb <<ENVIRONMENT
XMPP_SERVER=$SIGNAL
JVB_AUTH_PASSWORD=$(secret "$JVB_SECRET")
JVB_MUC_NICKNAME=$INSTANCE
JVB_INSTANCE_ID=$INSTANCE
JVB_PORT=10000
JVB_REQUIRE_VALID_ADDRESS=1
JVB_DISABLE_STUN=1
DISABLE_AWS_HARVESTER=false
COLIBRI_REST_ENABLED=true
SHUTDOWN_REST_ENABLED=true
ENABLE_OCTO=1
JVB_OCTO_RELAY_ID=$INSTANCE
JVB_OCTO_REGION=$AWS_DEFAULT_REGION
ENVIRONMENT

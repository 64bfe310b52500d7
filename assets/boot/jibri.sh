#!/usr/bin/env bash
# Boots a recorder: the agent, and what Jibri's container needs, which the agent starts once the recorder is admitted.
# Wants RELEASE, DOMAIN, JIBRI_SECRET, RECORDER_SECRET and AWS_DEFAULT_REGION in the environment.
set -euo pipefail
HERE=$(dirname "$(readlink -f "$0")")
# shellcheck source=node.sh
source "$HERE/node.sh"

# The images run as user 1000. What Jibri records is a folder of its own, the agent's spool.
install -d -o 1000 -g 1000 /srv/jitsi/jibri/storage /srv/jitsi/jibri/recordings

# The agent starts and stops a service and deletes files of another user, so it is root, with that one capability. Its uploads
# keep parts of recordings in memory.
mkdir -p /etc/systemd/system/jitsi-fleet-agent.service.d
cat > /etc/systemd/system/jitsi-fleet-agent.service.d/jibri.conf <<'UNIT'
[Service]
DynamicUser=no
User=root
CapabilityBoundingSet=CAP_DAC_OVERRIDE
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict
ReadWritePaths=/etc/jitsi-fleet /srv/jitsi/jibri
RestrictAddressFamilies=AF_UNIX
MemoryMax=512M
UNIT

start_agent
install_docker

# Inside the container both APIs listen on all its addresses; docker publishes them on the host's loopback alone.
mkdir -p /srv/jitsi/jibri/config
cat > /srv/jitsi/jibri/config/custom-jibri.conf <<'HOCON'
jibri {
  single-use-mode = false
  api.http {
    external-api-host = "0.0.0.0"
    internal-api-host = "0.0.0.0"
  }
}
HOCON
chmod 755 "$HERE/finalize"

# Chrome opens pages of strangers, so the container has a network of its own, from which the instance's metadata, and
# with it AWS, is out of reach: the rule stands before each start, and a start without it fails. The agent alone starts it: the
# service is not enabled and never restarts itself. The list of shards is the agent's too. Sizes are upstream's (jibri.yml).
image jibri <<ENVIRONMENT
PUBLIC_URL=https://$DOMAIN
DISPLAY=:0
JIBRI_INSTANCE_ID=$INSTANCE
JIBRI_XMPP_PASSWORD=$(secret "$JIBRI_SECRET")
JIBRI_RECORDER_PASSWORD=$(secret "$RECORDER_SECRET")
JIBRI_RECORDING_DIR=/storage/recordings
JIBRI_FINALIZE_RECORDING_SCRIPT_PATH=/usr/local/bin/finalize
XMPP_ENV_NAME=shard
ENVIRONMENT
mkdir -p /etc/systemd/system/jibri.service.d
cat > /etc/systemd/system/jibri.service.d/metadata.conf <<'UNIT'
[Service]
ExecStartPre=/bin/sh -c 'iptables -w -C DOCKER-USER -d 169.254.169.254 -j DROP || iptables -w -I DOCKER-USER -d 169.254.169.254 -j DROP'
UNIT
component jibri no --env-file /etc/jitsi-fleet/jibri-shards.env \
  --publish 127.0.0.1:2222:2222 --publish 127.0.0.1:3333:3333 --shm-size 2g \
  --tmpfs /run:size=256M,mode=1750,exec --tmpfs /tmp:size=256M,mode=1777,noexec \
  -v /srv/jitsi/jibri/storage:/storage -v /srv/jitsi/jibri/recordings:/storage/recordings \
  -v "$HERE/finalize:/usr/local/bin/finalize:ro"

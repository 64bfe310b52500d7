#!/usr/bin/env bash
# Boots a shard's signal node: the agent, and Prosody, Jicofo and the web server in containers. Wants RELEASE,
# SHARD, DOMAIN, JVB_SECRET, JICOFO_SECRET and AWS_DEFAULT_REGION in the environment; JIBRI_SECRET and RECORDER_SECRET
# too in a fleet with recorders. All shards have the same XMPP
# domains, the images' own, so that a room's address does not depend on its shard.
set -euo pipefail
HERE=$(dirname "$(readlink -f "$0")")
# shellcheck source=node.sh
source "$HERE/node.sh"

start_agent
install_docker
jvb_password=$(secret "$JVB_SECRET")
jicofo_password=$(secret "$JICOFO_SECRET")

# What Prosody, Jicofo and the web server are told in a fleet with recorders. Jicofo's brewery of recorders and its trust in
# their domain follow from the switch, with the images' own names.
recording='' recorders=''
if [ -n "${JIBRI_SECRET:-}" ]; then
  recording=$'\nENABLE_RECORDING=1'
  recorders=$'\nJIBRI_XMPP_PASSWORD='$(secret "$JIBRI_SECRET")$'\nJIBRI_RECORDER_PASSWORD='$(secret "$RECORDER_SECRET")
fi

# The images run as user 1000.
install -d -o 1000 -g 1000 /srv/jitsi/prosody/data
container prosody -v /srv/jitsi/prosody/data:/var/lib/prosody <<ENVIRONMENT
PUBLIC_URL=https://$DOMAIN
JICOFO_AUTH_PASSWORD=$jicofo_password
JVB_AUTH_PASSWORD=$jvb_password
XMPP_MODULES=muc_census$recording$recorders
ENVIRONMENT

# Its API stays on 127.0.0.1:8888, Jicofo's default, as long as JICOFO_ENABLE_REST is not set. The strategy is the
# one that lets a conference spread over several bridges of one region.
container jicofo <<ENVIRONMENT
XMPP_SERVER=127.0.0.1
JICOFO_AUTH_PASSWORD=$jicofo_password
JICOFO_ENABLE_HEALTH_CHECKS=1
ENABLE_OCTO=1
OCTO_BRIDGE_SELECTION_STRATEGY=RegionBasedBridgeSelectionStrategy
JICOFO_OCTO_REGION=$AWS_DEFAULT_REGION
MAX_BRIDGE_PARTICIPANTS=80$recording
ENVIRONMENT

install -d -o 1000 -g 1000 /srv/jitsi/web/storage /srv/jitsi/web/load-test
container web -v /srv/jitsi/web/storage:/storage -v /srv/jitsi/web/load-test:/usr/share/jitsi-meet/load-test <<ENVIRONMENT
PUBLIC_URL=https://$DOMAIN
XMPP_BOSH_URL_BASE=http://127.0.0.1:5280
DISABLE_HTTPS=1
DEPLOYMENTINFO_SHARD=$SHARD
DEPLOYMENTINFO_REGION=$AWS_DEFAULT_REGION$recording
ENVIRONMENT

#!/usr/bin/env bash
# Boots a HAProxy node on Debian 12: takes over the slot's network interface with the fixed address, and starts HAProxy
# and the agent, which fetches HAProxy's configuration, and lets the load balancer send clients once HAProxy knows the
# other nodes' rooms and the shards' states. Wants SLOT_INTERFACE, SLOT_ADDRESS, SLOT_GATEWAY and
# AWS_DEFAULT_REGION in the environment.
set -euo pipefail
HERE=$(dirname "$(readlink -f "$0")")
# shellcheck source=node.sh
source "$HERE/node.sh"

# interface QUERY asks for a property of the slot's network interface.
interface() {
  aws ec2 describe-network-interfaces --network-interface-ids "$SLOT_INTERFACE" \
    --query "NetworkInterfaces[0].$1" --output text
}

# take_interface moves the interface here from whatever node had it.
take_interface() {
  local holder
  holder=$(interface Attachment.InstanceId) || return
  if [ "$holder" = "$INSTANCE" ]; then return; fi
  if [ "$holder" != None ]; then
    aws ec2 detach-network-interface --force --attachment-id "$(interface Attachment.AttachmentId)"
    return 1
  fi
  aws ec2 attach-network-interface --network-interface-id "$SLOT_INTERFACE" --instance-id "$INSTANCE" --device-index 1
}

# Replies from the slot's address leave through its own interface, or EC2 drops them; all else uses the first one.
# The file comes before those that the image brings, so nothing else configures the interface.
cat > /etc/systemd/network/05-slot.network <<NETWORK
[Match]
MACAddress=$(persist interface MacAddress)

[Network]
Address=$SLOT_ADDRESS/32

[RoutingPolicyRule]
From=$SLOT_ADDRESS
Table=100

[Route]
Gateway=$SLOT_GATEWAY
GatewayOnLink=yes
Table=100
NETWORK
networkctl reload
persist take_interface
until ip -o -4 address | grep -qF " $SLOT_ADDRESS/"; do sleep 1; done

persist env DEBIAN_FRONTEND=noninteractive apt-get -q -y install haproxy
# All ports are above 1024, so HAProxy never needs root; what it writes is in a folder of its own, which goes with it.
# The paths are those of node.json. A stop is a soft one, which lets running requests end; what is left after the time
# limit, WebSockets mostly, is cut and comes back through another node. It retries for ever: the agent writes the
# configuration when it has it, and after a reboot the slot's address can be late.
mkdir -p /etc/systemd/system/haproxy.service.d
cat > /etc/systemd/system/haproxy.service.d/jitsi-fleet.conf <<UNIT
[Unit]
StartLimitIntervalSec=0

[Service]
Environment="CONFIG=/var/lib/jitsi-fleet/haproxy.cfg" "PIDFILE=/run/haproxy/haproxy.pid"
Environment="EXTRAOPTS=-S /run/haproxy/master.sock,mode,600"
Environment="ADMIN_SOCKET=/run/haproxy/admin.sock" "SERVER_STATE=/run/haproxy/servers"
User=haproxy
Group=haproxy
RuntimeDirectory=haproxy
RuntimeDirectoryMode=0750
LimitNOFILE=200000
RestartSec=1
KillSignal=SIGUSR1
TimeoutStopSec=30
UNIT

# The agent opens HAProxy's admin socket, so it is the same user. What starts after HAProxy stops before it: the agent
# first leaves the load balancer, for leaveWait of node.json, which the time limit must exceed.
mkdir -p /etc/systemd/system/jitsi-fleet-agent.service.d
cat > /etc/systemd/system/jitsi-fleet-agent.service.d/edge.conf <<'UNIT'
[Unit]
After=haproxy.service

[Service]
DynamicUser=no
User=haproxy
Group=haproxy
RestrictAddressFamilies=AF_UNIX
TimeoutStopSec=120
UNIT

systemctl daemon-reload
systemctl enable haproxy.service
systemctl restart --no-block haproxy.service
start_agent

#!/usr/bin/env bash
# Boots a HAProxy node on Debian 12: takes over the slot's network interface with the fixed address and starts HAProxy
# with the configuration that the user data wrote. Wants SLOT_INTERFACE, SLOT_ADDRESS, SLOT_GATEWAY and
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
haproxy -c -q -f /etc/jitsi-fleet/haproxy.cfg

# All ports are above 1024, so HAProxy never needs root. Debian's unit keeps its files in /run itself, where only root
# may write; here they are in a folder of HAProxy's own.
mkdir -p /etc/systemd/system/haproxy.service.d
cat > /etc/systemd/system/haproxy.service.d/jitsi-fleet.conf <<'UNIT'
[Service]
User=haproxy
Group=haproxy
RuntimeDirectory=haproxy
Environment="PIDFILE=/run/haproxy/haproxy.pid" "EXTRAOPTS=-S /run/haproxy/master.sock"
LimitNOFILE=200000
UNIT
install -m 644 /etc/jitsi-fleet/haproxy.cfg /etc/haproxy/haproxy.cfg
systemctl daemon-reload
systemctl enable haproxy.service
systemctl restart haproxy.service

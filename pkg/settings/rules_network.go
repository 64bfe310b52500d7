package settings

import "net/netip"

// dockerRange is what Docker takes for its default bridge on every node.
// https://docs.docker.com/engine/daemon/
var dockerRange = netip.MustParsePrefix("172.17.0.0/16")

const (
	minZones, maxZones = 2, 3
	// A VPC is at most a /16. https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
	largestVPC, smallestVPC = 16, 20
	// subnetReserve is how many addresses of each subnet are not for instances of groups: AWS's own five, the
	// load balancer's and the Lambdas' interfaces (at least eight free ones, says the load balancer), NAT gateways.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/network/network-load-balancers.html
	subnetReserve = 32
)

func (n Network) validate(c check) {
	if c.at("availabilityZones").whole(n.AvailabilityZones, minZones, maxZones) {
		c.at("natGateways").whole(n.NATGateways, 1, n.AvailabilityZones)
	}
	at := c.at("cidr")
	if n.canonical(at, n.CIDR) {
		if n.CIDR.Bits() < largestVPC || n.CIDR.Bits() > smallestVPC {
			at.mend(n.CIDR, "write a range from /%d to /%d", largestVPC, smallestVPC)
		}
		if n.CIDR.Overlaps(dockerRange) {
			at.mend(n.CIDR, "write a range apart from %s, which Docker takes on every node", dockerRange)
		}
	}
	for i, peer := range n.Peers {
		n.validatePeer(c.at("peers").element(i), peer, n.Peers[:i])
	}
}

func (n Network) validatePeer(c check, peer netip.Prefix, before []netip.Prefix) {
	if !n.canonical(c, peer) {
		return
	}
	if peer.Overlaps(n.CIDR) {
		c.mend(peer, "write a range apart from %s, which is fleet.network.cidr", n.CIDR)
	}
	for i, other := range before {
		if peer.Overlaps(other) {
			c.mend(peer, "write a range apart from %s, which is fleet.network.peers[%d]", other, i)
		}
	}
}

// canonical refuses what is no IPv4 range or has bits set after its prefix.
func (n Network) canonical(c check, p netip.Prefix) bool {
	switch {
	case !p.IsValid() || !p.Addr().Is4():
		c.mend(p, "write an IPv4 range such as %q", Defaults().Network.CIDR)
	case p != p.Masked():
		c.mend(p, "write %q, which begins where the range does", p.Masked())
	default:
		return true
	}
	return false
}

// validateAddresses refuses a VPC in which the groups would find no addresses at their maximum.
func (s Settings) validateAddresses(c check) {
	n := s.Network
	bits := n.CIDR.Bits()
	if bits < largestVPC || bits > smallestVPC || n.AvailabilityZones < minZones || n.AvailabilityZones > maxZones {
		return
	}
	room := n.AvailabilityZones * (1<<(32-bits-subnetBits) - subnetReserve)
	bridges := 0
	for _, shard := range s.Shards {
		_, high := s.ShardBridges(shard)
		bridges += max(0, high)
	}
	if bridges > room {
		c.mend(n.CIDR, "write a larger range or lower maxima: its public subnets have room for %d bridges, and all shards at their maximum are %d", room, bridges)
	}
	// A signal node's successor boots beside it.
	if private := 2*len(s.Shards) + s.Edge.Slots + s.Jibris.Max; private > room {
		c.mend(n.CIDR, "write a larger range or a lower fleet.jibris.max: its private subnets have room for %d nodes, and %d can be there", room, private)
	}
}

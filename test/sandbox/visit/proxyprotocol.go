// Package visit lets participants come and go through the real HAProxy nodes, as the load balancer would hand
// them on: each connection begins with the PROXY protocol's version 2 header.
package visit

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
)

// signature begins every version 2 header.
// https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt, section 2.2
var signature = []byte{0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A}

const (
	versionAndCommand = 0x21 // version 2, command PROXY
	tcpOverIPv4       = 0x11
	addressLength     = 12 // two IPv4 addresses and two ports
)

// header is the PROXY protocol header of a client's connection to the load balancer.
func header(client, balancer netip.AddrPort) []byte {
	h := append([]byte{}, signature...)
	h = append(h, versionAndCommand, tcpOverIPv4)
	h = binary.BigEndian.AppendUint16(h, addressLength)
	source, destination := client.Addr().As4(), balancer.Addr().As4()
	h = append(h, source[:]...)
	h = append(h, destination[:]...)
	h = binary.BigEndian.AppendUint16(h, client.Port())
	return binary.BigEndian.AppendUint16(h, balancer.Port())
}

// dial connects to an HAProxy node as the load balancer does for a client.
func dial(ctx context.Context, client netip.AddrPort, node netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", node.String())
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(header(client, node)); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

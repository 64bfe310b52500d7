package recording

import (
	"encoding/json"
	"net/url"
	"path"
	"strings"
	"time"
)

// Names in a session's folder that are not the recording itself.
const (
	MetadataFile = "metadata.json" // Jibri's own
	ManifestFile = "manifest.json" // the finalize program's
)

// fileStamp is the end of Jibri's file names, FileSink.kt: <callName>_yyyy-MM-dd-HH-mm-ss.mp4.
const fileStamp = "2006-01-02-15-04-05"

// ParseFileName reads room and start from the name that Jibri gives a recording's file. The clock is the container's,
// which is UTC. The name of a call is cut by Jibri at 125 characters.
func ParseFileName(name string) (room string, start time.Time, ok bool) {
	stem := strings.TrimSuffix(name, path.Ext(name))
	cut := len(stem) - len(fileStamp) - 1
	if cut < 1 || stem[cut] != '_' {
		return "", time.Time{}, false
	}
	start, err := time.Parse(fileStamp, stem[cut+1:])
	if err != nil {
		return "", time.Time{}, false
	}
	return decoded(stem[:cut]), start, true
}

// ParseMetadata reads tenant and room from Jibri's metadata.json, whose meeting_url is the address of the meeting:
// https://meet.example.org/tenant/room. Both are decoded from the address's escapes; a meeting at the root has no tenant.
func ParseMetadata(raw []byte) (tenant, room string, ok bool) {
	var metadata struct {
		MeetingURL string `json:"meeting_url"`
	}
	if json.Unmarshal(raw, &metadata) != nil || metadata.MeetingURL == "" {
		return "", "", false
	}
	address, err := url.Parse(metadata.MeetingURL)
	if err != nil {
		return "", "", false
	}
	parts := strings.Split(strings.Trim(address.EscapedPath(), "/"), "/")
	room = decoded(parts[len(parts)-1])
	if room == "" {
		return "", "", false
	}
	if len(parts) > 1 {
		tenant = decoded(parts[len(parts)-2])
	}
	return tenant, room, true
}

// decoded undoes an address's escapes; a name with a broken one stays as it is.
func decoded(name string) string {
	plain, err := url.PathUnescape(name)
	if err != nil {
		plain = name
	}
	return strings.ToValidUTF8(plain, "_")
}

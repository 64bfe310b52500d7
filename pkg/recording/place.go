package recording

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// Prefix is where recordings are in the bucket.
const Prefix = "recordings/"

// MaxKey is how long a key in S3 may be, in bytes of UTF-8.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
const MaxKey = 1024

// The parts of a key and of an ID, in bytes. With Prefix, the day, the digest and the slashes a key has at most 622.
const (
	maxTenant = 120
	maxRoom   = 200
	maxFile   = 255
	maxIDRoom = 60
	digest    = 12 // hexadecimal digits
)

const stamp = "20060102T150405Z"

// ID names a recording: unique by the recorder, its session and the start, sorted by the start, and readable by its
// room. The room that goes in is the one that Jibri's file name tells, for nothing else is known at the start.
func ID(instance fleet.InstanceID, session, room string, start time.Time) string {
	at := start.UTC().Format(stamp)
	return at + "-" + segment(room, maxIDRoom) + "-" + sum(string(instance)+"/"+session+"/"+at, digest)
}

// Day is the day that an ID begins with, "2026-11-22", in UTC: the catalogue's partition. It is false for a text that
// no function ID gave.
func Day(id string) (string, bool) {
	if len(id) <= len(stamp) || id[len(stamp)] != '-' {
		return "", false
	}
	at, err := time.Parse(stamp, id[:len(stamp)])
	return at.Format(time.DateOnly), err == nil
}

// Key is the place of one of its files in the bucket: recordings/YYYY/MM/DD/<tenant>/<room>-<digest>/<file>, where a
// recording without a tenant has "-". It is the same at any time once tenant and room are known, and has at most
// MaxKey bytes. A character that is neither a letter, a digit nor one of "-_." becomes "_"; a file name that was
// changed by that carries a digest of its own, so that two names never meet.
func (r Recording) Key(file string) string {
	tenant := "-"
	if r.Tenant != "" {
		tenant = segment(r.Tenant, maxTenant)
	}
	room := segment(r.Room, maxRoom) + "-" + sum(r.ID, digest)
	return Prefix + r.Start.UTC().Format("2006/01/02") + "/" + tenant + "/" + room + "/" + fileSegment(file)
}

func fileSegment(name string) string {
	safe := segment(name, maxFile)
	if safe == name {
		return safe
	}
	extension := path.Ext(safe)
	if len(extension) > digest {
		extension = ""
	}
	mark := "-" + sum(name, digest)
	return segment(strings.TrimSuffix(safe, extension), maxFile-len(mark)-len(extension)) + mark + extension
}

// segment is a name as one part of a key: never empty, never "." or "..", at most limit bytes of whole characters.
func segment(name string, limit int) string {
	var out strings.Builder
	for _, c := range name {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("-_.", c) || c == utf8.RuneError {
			c = '_'
		}
		if out.Len()+utf8.RuneLen(c) > limit {
			break
		}
		out.WriteRune(c)
	}
	safe := out.String()
	if strings.HasPrefix(safe, ".") {
		safe = "_" + safe[1:]
	}
	if safe == "" {
		return "_"
	}
	return safe
}

func sum(text string, digits int) string {
	hash := sha256.Sum256([]byte(text))
	return hex.EncodeToString(hash[:])[:digits]
}

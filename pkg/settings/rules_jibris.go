package settings

import "time"

const (
	minVolume, maxVolume = 30, 2_000 // GiB
	// minCheaper is S3's: nothing moves to Standard-IA before it is 30 days old.
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
	minCheaper, maxCheaper = 30, 3_650
	maxExpire              = 36_500
)

func (j Jibris) validate(c check, hook Duration) {
	c.at("max").whole(j.Max, 0, maxJibris)
	j.validateCounts(c)
	instanceTypes(c.at("instanceTypes"), j.InstanceTypes)
	if c.at("volumeGiB").whole(j.VolumeGiB, minVolume, maxVolume) {
		c.at("diskFloorGiB").whole(j.DiskFloorGiB, 1, j.VolumeGiB/2)
	}
	c.at("bootTime").duration(j.BootTime, 30*time.Second, 30*time.Minute)
	switch grace := c.at("admissionGrace"); {
	case j.AdmissionGrace < j.BootTime:
		grace.mend(j.AdmissionGrace, "write at least %q, which is fleet.jibris.bootTime: every recorder would be given up while it boots", j.BootTime)
	case grace.duration(j.AdmissionGrace, time.Second, 2*time.Hour):
		holdable(grace, j.AdmissionGrace, hook)
	}
	c.at("retireAfter").duration(j.RetireAfter, 3*time.Minute, 24*time.Hour)
	c.at("serviceLevel").number(j.ServiceLevel, minService, maxService)
	c.at("joinLimit").duration(j.JoinLimit, 30*time.Second, 15*time.Minute)
	c.at("finalizeLimit").duration(j.FinalizeLimit, 10*time.Second, time.Hour)
	c.at("stallLimit").duration(j.StallLimit, 10*time.Second, 15*time.Minute)
	c.at("recordingLimit").duration(j.RecordingLimit, time.Hour, 48*time.Hour)
}

// validateCounts keeps free <= min <= max. A maximum of 0 means no recorders, which the defaults of the others deny.
func (j Jibris) validateCounts(c check) {
	if j.Max == 0 && (j.Free != 0 || j.Min != 0) {
		const mend = "write 0: with fleet.jibris.max at 0 nothing of recorders is deployed"
		if j.Free != 0 {
			c.at("free").mend(j.Free, mend)
		}
		if j.Min != 0 {
			c.at("min").mend(j.Min, mend)
		}
		return
	}
	if c.at("free").whole(j.Free, 0, max(0, j.Max)) {
		c.at("min").whole(j.Min, j.Free, max(j.Free, j.Max))
	}
}

func (r Recordings) validate(c check) {
	c.at("lateAfter").duration(r.LateAfter, 5*time.Minute, 24*time.Hour)
	if r.CheaperAfterDays != 0 {
		c.at("cheaperAfterDays").whole(r.CheaperAfterDays, minCheaper, maxCheaper)
	}
	if r.ExpireAfterDays != 0 {
		c.at("expireAfterDays").whole(r.ExpireAfterDays, max(0, r.CheaperAfterDays)+1, maxExpire)
	}
}

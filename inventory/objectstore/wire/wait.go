package wire

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Backoff is how long to wait before what has failed so many times is sent again: from half a
// second on, doubled each time up to half a minute, of which a half is left to chance, so that
// many do not come back at once (Cloud Storage documentation, "Retry strategy"; Azure
// Architecture Center, "Transient fault handling").
func Backoff(attempts int) time.Duration {
	const first, most = 500 * time.Millisecond, 30 * time.Second
	wait := min(first<<min(attempts-1, 10), most)
	return wait/2 + rand.N(wait/2)
}

// Asked is for how long a refusal asks to wait: in seconds, or until a date (RFC 9110, section
// 10.2.3), which is by the service's own clock. What cannot be read asks for nothing.
func Asked(h http.Header) time.Duration {
	if s, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	at, err := http.ParseTime(h.Get("Retry-After"))
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return max(at.Sub(now), 0)
}

// Wait is a delay that a refusal may ask to be longer, by so much at most. What is left to
// chance in the delay is so in what is asked beyond that as well.
func Wait(delay, asked, most time.Duration) time.Duration {
	return max(delay, min(asked, delay+most))
}

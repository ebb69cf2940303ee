package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/waiver"
)

// Requirements returns what the results of targets are judged by, by environment.
func Requirements(targets []run.Target, waivers *waiver.File) map[string]store.Requirements {
	all := map[string]store.Requirements{}
	for _, t := range targets {
		if all[t.Name] == nil {
			all[t.Name] = store.Requirements{}
		}
		all[t.Name][t.Profile.Name] = requirement(t, waivers)
	}
	return all
}

// requirement identifies everything that decides the verdict of a target, except the state of the
// environment and the version of dbaudit, as in [store.Requirements]. How to sign in, the schedule and
// labels do not decide a verdict.
func requirement(t run.Target, waivers *waiver.File) string {
	required := struct {
		URL, ProfileDigest string
		Requirement        snapshot.Requirement
	}{t.URL, t.Profile.Digest, t.Requirement}
	if t.Profile.Origin == audit.OriginBuiltin {
		required.ProfileDigest = "" // it changes with dbaudit, and the requirement has the name
	}
	var waived []string
	if waivers != nil {
		for _, w := range waivers.Waivers {
			if (w.Environment == "" || w.Environment == t.Name) && (w.Profile == "" || w.Profile == t.Profile.Name) {
				w.Kind, w.Owner, w.Reason, w.Line = "", "", "", 0
				waived = append(waived, hash(w))
			}
		}
	}
	slices.Sort(waived)
	return hash(required) + "+" + hash(slices.Compact(waived))
}

// hash returns a short hash of a value, which has a JSON form.
func hash(value any) string {
	text, _ := json.Marshal(value) // never fails for strings, numbers and enumerations
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

package azure

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Identity is a managed identity as App Service has it, for whoever knows its secret: it gives
// the server's token (Azure documentation, "How to use managed identities for App Service and
// Azure Functions", REST endpoint reference). Its address and the secret go into
// IDENTITY_ENDPOINT and IDENTITY_HEADER.
func (s *Server) Identity(secret string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-IDENTITY-HEADER") != secret {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		// Who stops reading has asked in vain.
		_ = json.NewEncoder(w).Encode(map[string]string{"access_token": s.Token(), "token_type": "Bearer",
			"resource":   r.URL.Query().Get("resource"),
			"expires_on": strconv.FormatInt(s.o.Now().Add(time.Hour).Unix(), 10)})
	})
}

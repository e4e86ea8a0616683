package azurestore

import (
	"strings"
	"time"
)

// What is read of Resource Manager's answers ("Storage Resource Provider REST API"). Times are
// kept as text where they are only shown.

type armAccount struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Location string `json:"location"`
	SKU      struct {
		Name string `json:"name"`
	} `json:"sku"`
	Properties struct {
		PrimaryLocation            string `json:"primaryLocation"`
		SecondaryLocation          string `json:"secondaryLocation"`
		LastGeoFailoverTime        string `json:"lastGeoFailoverTime"`
		FailoverInProgress         bool   `json:"failoverInProgress"`
		AccountMigrationInProgress bool   `json:"accountMigrationInProgress"`
		IsHnsEnabled               bool   `json:"isHnsEnabled"`
		PrimaryEndpoints           struct {
			Blob string `json:"blob"`
		} `json:"primaryEndpoints"`
		Encryption struct {
			KeySource          string `json:"keySource"`
			KeyVaultProperties struct {
				KeyVaultURI string `json:"keyvaulturi"`
			} `json:"keyvaultproperties"`
		} `json:"encryption"`
		ImmutableStorageWithVersioning struct {
			Enabled            bool `json:"enabled"`
			ImmutabilityPolicy struct {
				Days  int    `json:"immutabilityPeriodSinceCreationInDays"`
				State string `json:"state"` // Disabled, Unlocked or Locked
			} `json:"immutabilityPolicy"`
		} `json:"immutableStorageWithVersioning"`
		SKUConversion struct {
			Status string `json:"skuConversionStatus"`
			Target string `json:"targetSkuName"`
		} `json:"storageAccountSkuConversionStatus"`
	} `json:"properties"`
}

// place is where the bytes are: after a failover the primary has moved.
func (a *armAccount) place() string {
	if p := regionCode(a.Properties.PrimaryLocation); p != "" {
		return p
	}
	return regionCode(a.Location)
}

// regionCode makes a code of a location, which some answers give by its name for people.
func regionCode(location string) string {
	return strings.ToLower(strings.ReplaceAll(location, " ", ""))
}

type retention struct {
	Enabled              bool `json:"enabled"`
	Days                 int  `json:"days"`
	AllowPermanentDelete bool `json:"allowPermanentDelete"`
}

func (r retention) keeps() time.Duration { return time.Duration(r.Days) * 24 * time.Hour }

type armService struct {
	Properties struct {
		IsVersioningEnabled            bool      `json:"isVersioningEnabled"`
		DeleteRetentionPolicy          retention `json:"deleteRetentionPolicy"`
		ContainerDeleteRetentionPolicy retention `json:"containerDeleteRetentionPolicy"`
		RestorePolicy                  retention `json:"restorePolicy"`
		ChangeFeed                     struct {
			Enabled bool `json:"enabled"`
			Days    int  `json:"retentionInDays"`
		} `json:"changeFeed"`
	} `json:"properties"`
}

type armContainer struct {
	Name       string `json:"name"`
	Properties struct {
		LastModified          string `json:"lastModifiedTime"`
		Deleted               bool   `json:"deleted"`
		HasLegalHold          bool   `json:"hasLegalHold"`
		HasImmutabilityPolicy bool   `json:"hasImmutabilityPolicy"`
		ImmutabilityPolicy    struct {
			Properties struct {
				Days  int    `json:"immutabilityPeriodSinceCreationInDays"`
				State string `json:"state"`
			} `json:"properties"`
		} `json:"immutabilityPolicy"`
		ImmutableStorageWithVersioning struct {
			Enabled bool `json:"enabled"`
		} `json:"immutableStorageWithVersioning"`
		DefaultEncryptionScope string `json:"defaultEncryptionScope"`
	} `json:"properties"`
}

type armReplication struct {
	Properties struct {
		SourceAccount      string `json:"sourceAccount"`
		DestinationAccount string `json:"destinationAccount"`
		Rules              []struct {
			SourceContainer      string `json:"sourceContainer"`
			DestinationContainer string `json:"destinationContainer"`
		} `json:"rules"`
	} `json:"properties"`
}

type armDeleted struct {
	Name       string `json:"name"`
	Properties struct {
		Location     string `json:"location"`
		DeletionTime string `json:"deletionTime"`
	} `json:"properties"`
}

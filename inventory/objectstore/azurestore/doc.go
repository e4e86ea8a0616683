// Package azurestore stores objects in Azure Blob Storage.
//
// A bucket is a container of a storage account, and its name is "account.container": neither
// part can hold a dot. Accounts, their locations, their copies in other regions and whether
// they keep versions are known to Azure Resource Manager alone, which is asked if there is a
// subscription. Without it the configuration names accounts by region; what only Resource
// Manager tells is then denied, never guessed.
//
// Requests are built here: Microsoft's azblob would take 5.3 MB of the program and armstorage
// 0.3 MB, of which a few operations are needed (stripped for linux/amd64, azblob 1.8.3 and
// armstorage 1.8.1). Credentials are found as azidentity finds them; see credential. Each request
// goes by one transport, so that fences, paces and observers see all of them.
//
// Azure has no delete markers. A key whose newest version is not current is listed with one
// that is made up here, and is nothing to be deleted.
package azurestore

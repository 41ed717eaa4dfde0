const JSON_MEDIA = /^application\/(?:[a-z0-9.-]+\+)?json$/;

export function isJsonMedia(mediaType: string): boolean {
  return JSON_MEDIA.test(mediaType);
}

import { bytesOf } from './kilobytes.js';

export interface MemoryReading {
  totalBytes: number;
  /** What programs can still have without swapping, as the kernel estimates it. */
  availableBytes: number;
  /** null: this machine has none. */
  swap: { totalBytes: number; freeBytes: number } | null;
}

/** @param meminfo what /proc/meminfo says; null when it does not say how much there is */
export function parseMemory(meminfo: string): MemoryReading | null {
  const totalBytes = bytesOf(meminfo, 'MemTotal');
  // Kernels before 3.14 do not estimate it.
  const availableBytes = bytesOf(meminfo, 'MemAvailable') ?? bytesOf(meminfo, 'MemFree');
  if (!totalBytes || availableBytes === null) return null;
  const total = bytesOf(meminfo, 'SwapTotal');
  const free = bytesOf(meminfo, 'SwapFree');
  const swap = total && free !== null ? { totalBytes: total, freeBytes: free } : null;
  return { totalBytes, availableBytes, swap };
}

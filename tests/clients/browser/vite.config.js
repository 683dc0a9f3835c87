import { defineConfig } from "vite";

export default defineConfig({
  server: {
    proxy: {
      "/graphql": { target: process.env.OPENINGS_URL, ws: true, rewriteWsOrigin: true },
    },
  },
  clearScreen: false,
});
